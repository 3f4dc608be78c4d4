//! Which jobs a page of the dashboard lists, from its query, and the queries of the pages before and after it.

use bus::wire::views::JobsAsked;
use url::form_urlencoded::Serializer;

use crate::http::error::Error;
use crate::http::parameters::Parameters;

/// The most characters of a field.
const MAX_FIELD: usize = 128;

/// The states to choose from, `open` for all without an end.
pub const STATES: [&str; 7] = ["open", "queued", "running", "completed", "failed", "cancelled", "lost"];

pub struct Filter {
    pub asked: JobsAsked,
}

impl Filter {
    pub fn of(query: &str) -> Result<Self, Error> {
        let query = Parameters::parse(query);
        let field = |name| -> Result<Option<String>, Error> {
            let value = query.optional(name)?.map(|value| value.trim().chars().take(MAX_FIELD).collect::<String>());
            Ok(value.filter(|value| !value.is_empty()))
        };
        let before = field("before")?.and_then(|place| place.parse().ok());
        Ok(Self {
            asked: JobsAsked {
                state: field("state")?.filter(|state| STATES.contains(&state.as_str())),
                target_uuid: field("blender")?,
                client: field("client")?,
                text: field("text")?,
                before,
            },
        })
    }

    pub fn is_set(&self) -> bool {
        JobsAsked { before: None, ..self.asked.clone() } != JobsAsked::default()
    }

    pub fn first_page(&self) -> String {
        self.page(None)
    }

    pub fn page_before(&self, place: i64) -> String {
        self.page(Some(place))
    }

    fn page(&self, before: Option<i64>) -> String {
        let asked = &self.asked;
        let before = before.map(|place| place.to_string());
        let fields = [
            ("state", &asked.state),
            ("blender", &asked.target_uuid),
            ("client", &asked.client),
            ("text", &asked.text),
            ("before", &before),
        ];
        let set = fields.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let query = Serializer::new(String::new()).extend_pairs(set).finish();
        if query.is_empty() { "/dashboard".to_owned() } else { format!("/dashboard?{query}") }
    }
}

#[cfg(test)]
mod tests {
    use super::Filter;

    #[test]
    fn a_page_leads_to_the_next_with_what_it_was_filtered_by() {
        let filter = Filter::of("state=failed&blender=&text=a%26b&before=70").unwrap();
        assert_eq!(filter.page_before(40), "/dashboard?state=failed&text=a%26b&before=40");
        assert_eq!(filter.first_page(), "/dashboard?state=failed&text=a%26b");
        let plain = Filter::of("before=70&state=nonsense").unwrap();
        assert_eq!((plain.first_page().as_str(), plain.is_set(), filter.is_set()), ("/dashboard", false, true));
    }
}
