//! `/requests/{id}/decide/{environment}`: what will be signed, and the form that begins it.

use app::components::{Filled, Line};
use app::pages::request::{Decide as Vm, decide_page};
use axum::extract::Path;
use axum::response::Response;
use domain::decision::DecisionVerdict;
use domain::text::Paragraph;

use super::{or_refuse, page, parse_id, refused};
use crate::auth::actor::Actor;
use crate::http::answer::see;
use crate::http::form::Form;
use crate::http::page::View;
use crate::refusal::{FieldError, Refusal};
use crate::service::acts::{self, Decide, digest_lines, signed_lines};
use crate::service::decisions::{LineCase, hex};
use crate::service::requests::RequestFile;

/// `GET /requests/{id}/decide/{environment}`
pub async fn decide_form(
    view: View,
    actor: Actor,
    Path(place): Path<(String, String)>,
) -> Response {
    or_refuse(&view, again(&view, &actor, &place, Filled::default()).await)
}

/// `POST /requests/{id}/decide/{environment}`
pub async fn decide(
    view: View,
    actor: Actor,
    Path(place): Path<(String, String)>,
    form: Form,
) -> Response {
    let done = async {
        match begin(&view, &actor, &place, &form).await {
            Err(Refusal::Invalid(faults)) => {
                again(&view, &actor, &place, refused(&form, faults)).await
            }
            done => done,
        }
    };
    or_refuse(&view, done.await)
}

async fn begin(
    view: &View,
    actor: &Actor,
    place: &(String, String),
    form: &Form,
) -> Result<Response, Refusal> {
    form.only(&["decision", "reason", "stamp"])?;
    let (verdict, reason) = match form.text("decision") {
        "approve" => (DecisionVerdict::Approve, None),
        "reject" => (DecisionVerdict::Reject, Some(reason(form)?)),
        "changes" => (DecisionVerdict::AskForChanges, Some(reason(form)?)),
        _ => return Err(Refusal::BadRequest("There is no such decision.")),
    };
    let mut read = view.portal.store.read().await?;
    let file = RequestFile::load(&mut read, actor, parse_id(&place.0)?).await?;
    let environment = file.environment(&place.1)?.id;
    let proposed = file.proposal(environment).ok_or(Refusal::NotFound)?;
    let case = LineCase::load(&mut read, &file, proposed).await?;
    drop(read);
    if form.text("stamp") != hex(&case.subject.digest()) {
        return Err(Refusal::conflict(
            "changed",
            "What is decided on has changed since it was shown. Nothing was done: look again.",
        ));
    }
    let act = Decide {
        request: file.request.id,
        environment,
        grant: proposed.row.id,
        verdict,
        reason,
    };
    let id = acts::keep(&view.portal, actor, act.into()).await?;
    Ok(see(&format!("/confirm/{id}")))
}

fn reason(form: &Form) -> Result<Paragraph<2000>, Refusal> {
    form.text("reason")
        .parse()
        .map_err(|refused: domain::text::TextRefused| {
            Refusal::Invalid(vec![FieldError {
                field: "reason".to_owned(),
                sentence: refused.to_string(),
            }])
        })
}

async fn again(
    view: &View,
    actor: &Actor,
    place: &(String, String),
    filled: Filled,
) -> Result<Response, Refusal> {
    let mut read = view.portal.store.read().await?;
    let file = RequestFile::load(&mut read, actor, parse_id(&place.0)?).await?;
    let environment = file.environment(&place.1)?;
    let proposed = file
        .proposal(environment.id)
        .filter(|proposed| proposed.is_open())
        .ok_or(Refusal::NotFound)?;
    let case = LineCase::load(&mut read, &file, proposed).await?;
    let mut lines: Vec<Line> = signed_lines(&file, &case, proposed)
        .into_iter()
        .map(|(label, value)| Line::new(label, value))
        .collect();
    let digests = digest_lines(&case.subject);
    lines.extend(
        digests
            .into_iter()
            .map(|(label, value)| Line::new(label, value).mono()),
    );
    let follows = match case.tally().missing() {
        0 | 1 => {
            "With your approval it is complete: a key is made and sent to its recipient.".to_owned()
        }
        2 => "One more approval is needed after yours.".to_owned(),
        more => format!(
            "{} more approvals are needed after yours.",
            more.saturating_sub(1)
        ),
    };
    let vm = Vm {
        request: file.request.id.to_string(),
        environment: environment.name.clone(),
        partner: file.partner.name.clone(),
        service: file.service.name.clone(),
        lines,
        follows,
        stamp: hex(&case.subject.digest()),
        filled,
    };
    let refused = vm.filled.is_refused();
    Ok(page(view, refused, |shell| decide_page(shell, vm)))
}
