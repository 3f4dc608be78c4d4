//! Posted forms. They can only be read if they come from their own page, in the browser that it was shown to.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use worker::wasm_bindgen::JsCast;
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::FormData;
use worker::{Env, Method};

use crate::http::body;
use crate::http::error::{Code, Error};
use crate::http::parameters::Parameters;
use crate::objects::key_ring::{Keys, is_signed, newest, sign};
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::{Session, known_form_cookie};

/// The field of the form token.
const TOKEN: &str = "form_token";

/// A posted form that is not checked yet.
pub struct PostedForm {
    fields: Parameters,
    is_same_origin: bool,
    /// The form cookie, if the request has one.
    browser: Option<String>,
}

impl PostedForm {
    /// The form of a POST request; `None` for any other method.
    pub async fn of(request: &mut Request, site: &Site) -> Result<Option<Self>, Error> {
        Self::within(request, site, body::MAX_BYTES).await
    }

    /// The same for forms of up to `limit` bytes.
    pub async fn within(request: &mut Request, site: &Site, limit: usize) -> Result<Option<Self>, Error> {
        if request.method() != Method::Post {
            return Ok(None);
        }
        let fields = body::form_within(request, limit).await?;
        let browser = known_form_cookie(request, site)?;
        Ok(Some(Self { fields, is_same_origin: is_same_origin(request, site)?, browser }))
    }

    /// A form with files in it, of up to `limit` bytes: its fields, and all of it as the runtime has read it.
    ///
    /// # Errors
    /// If it is not from a page of this server, is of another type, does not say its length, or has more.
    pub async fn multipart(request: &mut Request, site: &Site, limit: usize) -> Result<(Self, FormData), Error> {
        if !is_same_origin(request, site)? {
            body::drain(request).await;
            return Err(Error::Forged);
        }
        body::expect_type(request, "multipart/form-data")?;
        body::expect_length_within(request, limit).await?;
        let reading = request.raw().form_data().map_err(worker::Error::from)?;
        let unreadable = |_| Error::new(Code::InvalidRequest, "the form cannot be read");
        let form = JsFuture::from(reading).await.map_err(unreadable)?.unchecked_into::<FormData>();
        let mut fields = Vec::new();
        for name in [TOKEN, "action", "target"] {
            let values = form.get_all(name);
            fields.extend(values.iter().filter_map(|value| Some((name.to_owned(), value.as_string()?))));
        }
        let fields = Parameters::of(fields.into_iter());
        Ok((Self { fields, is_same_origin: true, browser: None }, form))
    }

    /// A field that is needed before the check: what the form decides on, or where to redirect without a session. Never
    /// act on it alone.
    pub fn unchecked(&self, name: &str) -> Result<Option<&str>, Error> {
        self.fields.optional(name)
    }

    /// The fields of a form that `page` showed in this session.
    ///
    /// # Errors
    /// `Error::Forged` if the form is not from that page and session, or is for another `subject`.
    pub async fn of_session(
        self,
        env: &Env,
        page: Page,
        session: &Session,
        subject: &str,
    ) -> Result<Parameters, Error> {
        self.checked(env, page, Some(&session.credential), subject).await
    }

    /// The fields of a form that `page` showed to this browser, which is not signed in.
    ///
    /// # Errors
    /// As `of_session`.
    pub async fn of_browser(mut self, env: &Env, page: Page, subject: &str) -> Result<Parameters, Error> {
        let browser = self.browser.take();
        self.checked(env, page, browser.as_deref(), subject).await
    }

    /// The fields of a form that `page` showed to whoever has this credential.
    ///
    /// # Errors
    /// As `of_session`.
    pub async fn of_holder(self, env: &Env, page: Page, credential: &str) -> Result<Parameters, Error> {
        self.checked(env, page, Some(credential), "").await
    }

    async fn checked(self, env: &Env, page: Page, holder: Option<&str>, subject: &str) -> Result<Parameters, Error> {
        let token = self.fields.optional(TOKEN)?.unwrap_or_default();
        let keys = Keys::load(env).await?;
        match holder {
            Some(holder) if self.is_same_origin && is_form_token(&keys, page, holder, subject, token)? => {
                Ok(self.fields)
            }
            _ => Err(Error::Forged),
        }
    }
}

/// The hidden token of a form on `page`. `holder`: the session credential, or the form cookie without a session.
/// `subject`: what the form decides on, so that it cannot be swapped; empty if it decides on nothing in particular.
pub fn form_token(keys: &Keys, page: Page, holder: &str, subject: &str) -> Result<String, Error> {
    let (_, key) = newest(&keys.form)?;
    Ok(URL_SAFE_NO_PAD.encode(sign(key, &[page.path(), holder, subject])?))
}

fn is_form_token(keys: &Keys, page: Page, holder: &str, subject: &str, token: &str) -> Result<bool, Error> {
    for (_, key) in &keys.form {
        if is_signed(key, &[page.path(), holder, subject], token)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Reads and drops the form of a request that is refused: a client that is still sending would not see the answer.
pub async fn drop_form(request: &mut Request) {
    body::drain(request).await;
}

/// Whether a request is a form with files in it.
pub fn is_multipart(request: &Request) -> Result<bool, Error> {
    let kind = request.headers().get("content-type")?.unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    Ok(request.method() == Method::Post && essence.eq_ignore_ascii_case("multipart/form-data"))
}

/// Whether a request came from a page of this server, according to the browser's headers. A second check beside the
/// form token.
pub fn is_same_origin(request: &Request, site: &Site) -> Result<bool, Error> {
    if let Some(fetch_site) = request.headers().get("sec-fetch-site")?
        && !matches!(fetch_site.as_str(), "same-origin" | "none")
    {
        return Ok(false);
    }
    let origin = request.headers().get("origin")?;
    Ok(origin.is_none_or(|origin| origin == site.here))
}

#[cfg(test)]
mod tests {
    use super::{form_token, is_form_token};
    use crate::objects::key_ring::tests::keys;
    use crate::routes::Page;

    #[test]
    fn a_form_token_is_of_one_browser_one_form_and_one_subject() {
        let token = form_token(&keys(1), Page::Authorize, "session", "request").unwrap();
        let right = |keys, page, holder, subject| is_form_token(&keys, page, holder, subject, &token).unwrap();
        assert!(right(keys(1), Page::Authorize, "session", "request"));
        assert!(!right(keys(1), Page::SignIn, "session", "request"));
        assert!(!right(keys(1), Page::Authorize, "other", "request"));
        assert!(!right(keys(1), Page::Authorize, "session", "other"));
        assert!(!right(keys(2), Page::Authorize, "session", "request"));
    }
}
