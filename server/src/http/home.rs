//! `/`: what waits for whom.

mod partner;
mod staff;

use app::components::Step;
use app::pages::home::{partner_home, staff_home};
use app::shell::Area;
use axum::response::Response;

use crate::auth::actor::{Actor, Side};
use crate::http::page::View;

/// A step of a longer way: title, sentence, address.
type Steps = Vec<(Step, String, String, String)>;

/// `GET /`
pub async fn home(view: View, actor: Actor) -> Response {
    match actor.side() {
        Side::Staff(_) => match staff::home(&view.portal, &actor).await {
            Ok(vm) => view.page(Area::Home, |shell| staff_home(shell, vm)),
            Err(refusal) => view.refuse(refusal),
        },
        Side::Contact { .. } => match partner::home(&view.portal, &actor).await {
            Ok(vm) => view.page(Area::Home, |shell| partner_home(shell, vm)),
            Err(refusal) => view.refuse(refusal),
        },
    }
}

/// The first that is not done is the one to do now; none at all once all are done.
fn steps<const N: usize>(steps: [(bool, &str, &str, &str); N]) -> Steps {
    if steps.iter().all(|(done, ..)| *done) {
        return Vec::new();
    }
    let now = steps.iter().position(|(done, ..)| !done);
    steps
        .into_iter()
        .enumerate()
        .map(|(at, (done, title, text, href))| {
            let step = match done {
                true => Step::Done,
                false if Some(at) == now => Step::Now,
                false => Step::Later,
            };
            (step, title.to_owned(), text.to_owned(), href.to_owned())
        })
        .collect()
}

/// `Nothing waits for you.`, `One thing waits for you.`, `3 things wait for you.`
fn waits(count: usize) -> String {
    match count {
        0 => "Nothing waits for you.".to_owned(),
        1 => "One thing waits for you.".to_owned(),
        many => format!("{many} things wait for you."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_open_step_is_the_one_to_do_now() {
        let way = steps([
            (true, "a", "", ""),
            (false, "b", "", ""),
            (false, "c", "", ""),
        ]);
        let order: Vec<Step> = way.iter().map(|(step, ..)| *step).collect();
        assert_eq!(order, [Step::Done, Step::Now, Step::Later]);
    }

    #[test]
    fn a_way_that_is_walked_is_not_shown() {
        assert!(steps([(true, "a", "", ""), (true, "b", "", "")]).is_empty());
    }
}
