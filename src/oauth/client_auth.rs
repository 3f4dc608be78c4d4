//! Client authentication at the token endpoint (RFC 6749 section 2.3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use worker::Env;

use crate::http::error::{Code, Error};
use crate::http::parameters::Parameters;
use crate::oauth::client::{Client, document};
use crate::objects::key_ring::Keys;
use crate::request::Request;

/// The `client_id` of the request.
///
/// # Errors
/// `invalid_client` for an unknown client or a missing or wrong secret.
pub async fn authenticate(request: &Request, parameters: &Parameters, env: &Env) -> Result<String, Error> {
    let header = request.headers().get("authorization")?;
    let (client_id, secret) = match header.as_deref().filter(|header| scheme_is_basic(header)) {
        Some(header) => {
            let (client_id, secret) = basic(header).ok_or_else(|| refused("the Authorization header is not Basic"))?;
            if parameters.optional("client_id")?.is_some_and(|named| named != client_id) {
                return Err(Error::new(Code::InvalidRequest, "client_id differs from the Authorization header"));
            }
            if parameters.optional("client_secret")?.is_some() {
                return Err(Error::new(Code::InvalidRequest, "the client sends its secret in two ways"));
            }
            (client_id, Some(secret))
        }
        None => {
            let secret = parameters.optional("client_secret")?.map(str::to_owned);
            (parameters.required("client_id")?.to_owned(), secret)
        }
    };
    let Some(client) = Client::registered(&client_id, env).await? else {
        // A public client. Its document was checked when the user gave consent, which the code or refresh token proves.
        if document::is_address(&client_id) {
            return Ok(client_id);
        }
        return Err(refused("client_id is not registered here: register again"));
    };
    if !client.accepts_secret(&secret.unwrap_or_default(), &*Keys::load(env).await?)? {
        return Err(refused("the client must send its secret"));
    }
    Ok(client_id)
}

pub fn is_basic(request: &Request) -> Result<bool, Error> {
    Ok(request.headers().get("authorization")?.is_some_and(|header| scheme_is_basic(&header)))
}

fn refused(description: &str) -> Error {
    Error::new(Code::InvalidClient, description)
}

fn scheme_is_basic(header: &str) -> bool {
    header.trim().split(' ').next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"))
}

/// The id and secret of a Basic header, both form-decoded.
fn basic(header: &str) -> Option<(String, String)> {
    let (_, encoded) = header.trim().split_once(' ')?;
    let joined = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = joined.split_once(':')?;
    let decoded = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
    Some((decoded(client_id)?, decoded(secret)?))
}

#[cfg(test)]
mod tests {
    use super::basic;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn basic_credentials_are_decoded_twice() {
        let header = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(basic(&header("id:secret")), Some(("id".into(), "secret".into())));
        assert_eq!(basic(&header("i%3Ad:s%20t:u")), Some(("i:d".into(), "s t:u".into())));
        for wrong in ["Basic", "Basic !", &header("no colon"), &header("a:%ff")] {
            assert_eq!(basic(wrong), None, "{wrong}");
        }
    }
}
