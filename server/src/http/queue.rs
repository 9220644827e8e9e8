//! `/requests`: the queue, with its search, filter, order and page in the URL.

use app::components::{Chip, Moment, Paging, Sort, thousands};
use app::pages::queue::{Queue, QueueRow, queue_page};
use app::shell::Area;
use axum::extract::Query;
use axum::response::Response;
use domain::request::RequestState;
use domain::time::Timestamp;
use serde::Deserialize;
use store::{COUNTED, QueueFilter, QueueSort};
use url::form_urlencoded::Serializer;

use crate::auth::actor::{Actor, Side};
use crate::http::page::View;
use crate::http::requests::shown;
use crate::refusal::Refusal;
use crate::service::queue::{self, Listed, PAGE};

/// What the URL says. An order or page that is unknown is the first one; a state is said to be none.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    sort: String,
    #[serde(default)]
    page: String,
}

/// The filters that are offered beside *all*. Drafts are seen by those who write them alone.
const STATES: [RequestState; 8] = [
    RequestState::Draft,
    RequestState::InReview,
    RequestState::ChangesAsked,
    RequestState::WaitingForPasskey,
    RequestState::Approved,
    RequestState::Rejected,
    RequestState::Withdrawn,
    RequestState::Closed,
];

fn states(staff: bool) -> impl Iterator<Item = RequestState> {
    let offered = move |state: &RequestState| !(staff && *state == RequestState::Draft);
    STATES.into_iter().filter(offered)
}

/// `GET /requests`
pub async fn list(view: View, actor: Actor, Query(wanted): Query<Wanted>) -> Response {
    match page(&view, &actor, wanted).await {
        Ok(vm) if !vm.unknown.is_empty() => {
            view.page_again(Area::Requests, |shell| queue_page(shell, vm))
        }
        Ok(vm) => view.page(Area::Requests, |shell| queue_page(shell, vm)),
        Err(refusal) => view.refuse(refusal),
    }
}

async fn page(view: &View, actor: &Actor, wanted: Wanted) -> Result<Queue, Refusal> {
    let staff = matches!(actor.side(), Side::Staff(_));
    let wanted = Wanted {
        q: queue::search_text(&wanted.q),
        ..wanted
    };
    let unknown = wanted.unknown(staff);
    let (filter, number) = (wanted.filter(staff), wanted.number());
    let mut read = view.portal.store.read().await?;
    let counts = match staff {
        true => read.queue_counts().await?,
        false => Vec::new(),
    };
    let mut lines = if !unknown.is_empty() {
        Vec::new()
    } else if staff {
        queue::for_staff(&mut read, actor.staff()?, &filter).await?
    } else {
        queue::for_contact(&mut read, actor.contact()?, &filter).await?
    };
    drop(read);
    // One more than a page is asked for, to know whether there is another.
    let page_size = usize::try_from(PAGE).unwrap_or_default();
    let more = lines.len() > page_size;
    lines.truncate(page_size);
    let now = view.portal.now();
    Ok(Queue {
        summary: summary(staff, &counts),
        query: wanted.q.clone(),
        kept: wanted.kept(),
        chips: wanted.chips(staff, &counts),
        sorts: if staff {
            wanted.sorts()
        } else {
            [None, None, None]
        },
        paging: wanted.paging(number, lines.len(), more),
        unknown,
        filtered: !filter.search.is_empty() || !filter.state.is_empty(),
        rows: lines
            .into_iter()
            .map(|line| row(line, staff, now))
            .collect(),
    })
}

impl Wanted {
    /// Staff come for what waits for them; a partner sees all that is theirs.
    fn filter(&self, staff: bool) -> QueueFilter {
        QueueFilter {
            state: self
                .state(staff)
                .map(|state| state.code().to_owned())
                .unwrap_or_default(),
            search: self.q.clone(),
            sort: match self.sort.as_str() {
                "oldest" => QueueSort::Oldest,
                "partner" => QueueSort::Partner,
                "state" => QueueSort::State,
                _ => QueueSort::Newest,
            },
            limit: PAGE + 1,
            offset: self.number().saturating_mul(PAGE),
        }
    }

    fn state(&self, staff: bool) -> Option<RequestState> {
        match self.state.as_str() {
            "" if staff && self.q.is_empty() => Some(RequestState::InReview),
            code => states(staff).find(|state| state.code() == code),
        }
    }

    /// A state that is none, as it may be shown.
    fn unknown(&self, staff: bool) -> String {
        let known = matches!(self.state.as_str(), "" | "all") || self.state(staff).is_some();
        match known {
            true => String::new(),
            false => self.state.chars().take(40).collect(),
        }
    }

    /// The page, counted from zero.
    fn number(&self) -> i64 {
        self.page
            .parse::<i64>()
            .unwrap_or_default()
            .clamp(0, 1_000_000)
    }

    fn href(&self, state: &str, sort: &str, page: i64) -> String {
        let mut query = Serializer::new(String::new());
        for (name, value) in [("q", self.q.as_str()), ("state", state), ("sort", sort)] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if page > 0 {
            query.append_pair("page", &page.to_string());
        }
        match query.finish() {
            none if none.is_empty() => "/requests".to_owned(),
            query => format!("/requests?{query}"),
        }
    }

    fn kept(&self) -> Vec<(String, String)> {
        [("state", &self.state), ("sort", &self.sort)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect()
    }

    fn chips(&self, staff: bool, counts: &[(String, i64)]) -> Vec<Chip> {
        let here = self.state(staff);
        let all = Chip {
            href: self.href("all", &self.sort, 0),
            label: "All".to_owned(),
            count: None,
            here: here.is_none() && self.unknown(staff).is_empty(),
        };
        states(staff)
            .map(|state| Chip {
                href: self.href(state.code(), &self.sort, 0),
                label: shown(state).pill().label,
                count: staff.then(|| counted(in_state(counts, state.code()))),
                here: here == Some(state),
            })
            .chain([all])
            .collect()
    }

    fn sorts(&self) -> [Option<Sort>; 3] {
        let by = |code: &str| {
            Some(Sort {
                href: self.href(&self.state, code, 0),
                now: (self.sort == code).then_some("ascending"),
            })
        };
        let since = match self.sort.as_str() {
            "oldest" => Sort {
                href: self.href(&self.state, "", 0),
                now: Some("ascending"),
            },
            "partner" | "state" => Sort {
                href: self.href(&self.state, "", 0),
                now: None,
            },
            _ => Sort {
                href: self.href(&self.state, "oldest", 0),
                now: Some("descending"),
            },
        };
        [by("partner"), by("state"), Some(since)]
    }

    fn paging(&self, number: i64, length: usize, more: bool) -> Paging {
        let first = number.saturating_mul(PAGE);
        let last = first.saturating_add(i64::try_from(length).unwrap_or_default());
        if number == 0 && !more {
            return Paging::default();
        }
        Paging {
            place: format!("{}–{last}", first.saturating_add(1).min(last)),
            newer: (number > 0)
                .then(|| self.href(&self.state, &self.sort, number.saturating_sub(1))),
            older: more.then(|| self.href(&self.state, &self.sort, number.saturating_add(1))),
        }
    }
}

/// How many of a state were counted, by its code.
pub(super) fn in_state(counts: &[(String, i64)], state: &str) -> i64 {
    let found = counts.iter().find(|(code, _)| code == state);
    found.map_or(0, |(_, count)| *count)
}

/// As far as it was counted.
pub(super) fn counted(count: i64) -> String {
    let text = thousands(count.min(COUNTED).unsigned_abs());
    match count > COUNTED {
        true => format!("{text}+"),
        false => text,
    }
}

fn summary(staff: bool, counts: &[(String, i64)]) -> String {
    if !staff {
        return "What your organisation asked for, and where it stands.".to_owned();
    }
    match in_state(counts, RequestState::InReview.code()) {
        0 => "Nothing waits for review.".to_owned(),
        1 => "One waits for review.".to_owned(),
        many => format!("{} wait for review.", counted(many)),
    }
}

fn row(line: Listed, staff: bool, now: Timestamp) -> QueueRow {
    let Listed {
        request,
        partner,
        service,
        asks,
        given,
        needed,
        waiting,
    } = line;
    let missing = usize::try_from(needed)
        .unwrap_or(usize::MAX)
        .saturating_sub(given);
    let open = waiting > 0 && request.state.0 == RequestState::InReview;
    let (approvals, approvals_note) = match (open, missing) {
        (false, _) => (String::new(), String::new()),
        (true, 1) => (
            format!("{given} of {needed}"),
            "waiting for one more".to_owned(),
        ),
        (true, more) => (
            format!("{given} of {needed}"),
            format!("waiting for {more} more"),
        ),
    };
    // A partner's own name tells it nothing: the service leads.
    let (partner, service) = if staff {
        (partner, service)
    } else {
        (service, String::new())
    };
    QueueRow {
        id: request.id.to_string(),
        partner,
        partner_note: match request.revisions {
            0 => "not handed in yet".to_owned(),
            1 => "first revision".to_owned(),
            more => format!("revision {more}"),
        },
        service,
        asks,
        state: shown(request.state.0),
        approvals,
        approvals_note,
        since: Moment::new(request.submitted_at.unwrap_or(request.updated_at), now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str) -> Wanted {
        let mut wanted = Wanted::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()).into_owned() {
            match name.as_str() {
                "q" => wanted.q = value,
                "state" => wanted.state = value,
                "sort" => wanted.sort = value,
                _ => wanted.page = value,
            }
        }
        wanted
    }

    #[test]
    fn staff_come_to_what_waits_and_partners_to_all_that_is_theirs() {
        assert_eq!(wanted("").filter(true).state, "in_review");
        assert_eq!(wanted("").filter(false).state, "");
        assert_eq!(wanted("state=all").filter(true).state, "");
        assert_eq!(wanted("q=acme").filter(true).state, "");
    }

    #[test]
    fn what_the_url_says_is_kept_in_every_link() {
        let wanted = wanted("q=a%26b&state=rejected&sort=partner&page=2");
        let paging = wanted.paging(wanted.number(), 20, true);
        assert_eq!(
            paging.older.as_deref(),
            Some("/requests?q=a%26b&state=rejected&sort=partner&page=3")
        );
        assert_eq!(paging.place, "41–60");
    }

    #[test]
    fn a_page_that_is_no_number_is_the_first() {
        for page in ["-3", "x", "99999999999999999999"] {
            assert_eq!(
                wanted(&format!("page={page}")).filter(true).offset,
                0,
                "{page}"
            );
        }
    }
}
