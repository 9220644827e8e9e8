//! Starting a request, and its editor: what was typed is never lost.

use app::components::{Choice, Comment, Filled, Moment, Tone};
use app::pages::request::{EditChoice, RequestForm, Section, StartForm, edit_page, start_page};
use axum::Json as Answer;
use axum::extract::Path;
use axum::response::Response;
use domain::id::RequestId;
use domain::request::QuestionId;
use domain::review::Verdict;
use domain::service::{Catalogue, Sensitivity};
use serde::Serialize;
use store::Read;

use super::{or_refuse, page, parse_id, refused, shown};
use crate::auth::actor::Actor;
use crate::http::answer::{Problem, see};
use crate::http::form::{AnswersForm, Form};
use crate::http::guard::Client;
use crate::http::page::{Told, View, see_told};
use crate::refusal::{FieldError, Refusal};
use crate::service::requests::{self, Draft, RequestFile};

/// `GET /requests/new`
pub async fn start_form(view: View) -> Response {
    or_refuse(&view, start_again(&view, Filled::default()).await)
}

/// `POST /requests/new`
pub async fn start(view: View, actor: Actor, form: Form) -> Response {
    let done = async {
        form.only(&["service"])?;
        match requests::start(&view.portal, actor.contact()?, form.text("service")).await {
            Ok(id) => Ok(see(&format!("/requests/{id}/edit"))),
            Err(Refusal::Invalid(faults)) => start_again(&view, refused(&form, faults)).await,
            Err(other) => Err(other),
        }
    };
    or_refuse(&view, done.await)
}

async fn start_again(view: &View, filled: Filled) -> Result<Response, Refusal> {
    let mut read = view.portal.store.read().await?;
    let services = requests::offered(&mut read)
        .await?
        .into_iter()
        .map(|service| Choice::new(service.id.to_string(), service.name).help(service.description))
        .collect();
    let again = filled.is_refused();
    Ok(page(view, again, |shell| {
        start_page(shell, StartForm { services, filled })
    }))
}

/// `GET /requests/{id}/edit`
pub async fn edit_form(view: View, actor: Actor, Path(id): Path<String>) -> Response {
    let done = async { edit_again(&view, &actor, parse_id(&id)?, None).await };
    or_refuse(&view, done.await)
}

/// `POST /requests/{id}/edit`
pub async fn edit(
    view: View,
    actor: Actor,
    client: Client,
    Path(id): Path<String>,
    AnswersForm(form): AnswersForm,
) -> Response {
    let done = async {
        let id = parse_id(&id)?;
        match save_or_submit(&view, &actor, &client, id, &form).await {
            Err(Refusal::Invalid(faults)) => {
                edit_again(&view, &actor, id, Some(refused(&form, faults))).await
            }
            Err(Refusal::Conflict {
                code: "draft-changed",
                ..
            }) => {
                let fault = FieldError {
                    field: "environment".to_owned(),
                    sentence: "Another window saved this draft after this one was opened. What you typed is here and is not saved yet: saving now replaces what the other window saved.".to_owned(),
                };
                edit_again(&view, &actor, id, Some(refused(&form, vec![fault]))).await
            }
            done => done,
        }
    };
    or_refuse(&view, done.await)
}

async fn save_or_submit(
    view: &View,
    actor: &Actor,
    client: &Client,
    id: RequestId,
    form: &Form,
) -> Result<Response, Refusal> {
    let (draft, before) = (Draft::of_form(form)?, version(form)?);
    let (version, _) =
        requests::save_draft(&view.portal, actor.contact()?, id, before, &draft).await?;
    match form.text("do") {
        "submit" => {
            requests::submit(&view.portal, actor, id, version, &client.origin).await?;
            Ok(see_told(&format!("/requests/{id}"), Told::Submitted))
        }
        "save" | "" => Ok(see_told(&format!("/requests/{id}/edit"), Told::Saved)),
        _ => Err(Refusal::BadRequest(
            "A draft is saved or handed in, nothing else.",
        )),
    }
}

#[derive(Serialize)]
pub struct Saved {
    version: i64,
    /// RFC 3339.
    saved_at: String,
}

/// `POST /requests/{id}/draft`: the editor's island saves.
pub async fn draft(
    view: View,
    actor: Actor,
    Path(id): Path<String>,
    AnswersForm(form): AnswersForm,
) -> Result<Answer<Saved>, Problem> {
    let id = parse_id(&id)?;
    let (draft, before) = (Draft::of_form(&form)?, version(&form)?);
    let (version, at) =
        requests::save_draft(&view.portal, actor.contact()?, id, before, &draft).await?;
    Ok(Answer(Saved {
        version,
        saved_at: at.to_string(),
    }))
}

fn version(form: &Form) -> Result<i64, Refusal> {
    form.text("version")
        .parse()
        .map_err(|_| Refusal::BadRequest("The form does not say which draft it changes."))
}

/// The editor, with what was typed or else with what was saved.
async fn edit_again(
    view: &View,
    actor: &Actor,
    id: RequestId,
    typed: Option<Filled>,
) -> Result<Response, Refusal> {
    let mut read = view.portal.store.read().await?;
    let file = RequestFile::load(&mut read, actor, id).await?;
    if !file.request.state.0.is_editable() {
        return Ok(see(&format!("/requests/{id}")));
    }
    let (again, draft) = (typed.is_some(), Draft::from_json(&file.request.draft)?);
    let now = view.portal.now();
    let vm = RequestForm {
        id: id.to_string(),
        service: file.service.name.clone(),
        state: shown(file.request.state.0),
        version: file.request.draft_version,
        environments: environments(&mut read, &file).await?,
        scopes: scopes(&file)?,
        saved: (file.request.draft_version > 0).then(|| Moment::new(file.request.updated_at, now)),
        asked: asked(&file, now),
        filled: typed.unwrap_or_else(|| filled(&draft)),
    };
    Ok(page(view, again, |shell| edit_page(shell, vm)))
}

fn filled(draft: &Draft) -> Filled {
    let environments = draft
        .environments
        .iter()
        .map(|id| ("environment".to_owned(), id.to_string()));
    let scopes = draft
        .scopes
        .iter()
        .map(|name| ("scope".to_owned(), name.to_string()));
    let answers = QuestionId::ALL
        .iter()
        .map(|id| (id.code().to_owned(), draft.answers.answer(*id).to_owned()));
    Filled::from_pairs(environments.chain(scopes).chain(answers))
}

/// What is approved already cannot be asked for again: it is not on offer.
async fn environments(read: &mut Read, file: &RequestFile) -> Result<Vec<EditChoice>, Refusal> {
    use domain::state::GrantState::{Approved, WaitingForPasskey};
    let mut offered = Vec::new();
    for environment in &file.environments {
        let held = file
            .proposal(environment.id)
            .is_some_and(|proposed| matches!(proposed.row.state.0, Approved | WaitingForPasskey));
        if held {
            continue;
        }
        let Some(policy) = read.policy(environment.id).await? else {
            continue;
        };
        let policy: domain::policy::Policy =
            serde_json::from_str(&policy.document).map_err(Refusal::internal)?;
        let networks = if policy.networks_required {
            ", source networks demanded"
        } else {
            ""
        };
        offered.push(
            Choice::new(environment.id.to_string(), environment.name.clone()).help(format!(
                "At most {} calls a second, for at most {} days{networks}.",
                policy.rate_limit, policy.longest_life
            )),
        );
    }
    Ok(offered)
}

fn scopes(file: &RequestFile) -> Result<Vec<EditChoice>, Refusal> {
    let catalogue: Catalogue =
        serde_json::from_str(&file.service.catalogue).map_err(Refusal::internal)?;
    Ok(catalogue
        .scopes
        .into_iter()
        .map(|scope| {
            let choice = Choice::new(scope.name.to_string(), scope.name.to_string())
                .help(scope.allows.to_string());
            match scope.sensitivity {
                Sensitivity::Low => choice,
                Sensitivity::Personal => choice.mark("Personal data", Tone::Warn),
                Sensitivity::Confidential => choice.mark("Confidential", Tone::Warn),
            }
        })
        .collect())
}

/// What reviewers asked for on the newest revision: on a section, or with a decision.
fn asked(file: &RequestFile, now: domain::time::Timestamp) -> Vec<(Section, Comment)> {
    let Some(current) = file.revisions.last() else {
        return Vec::new();
    };
    let on_sections = file
        .reviews
        .iter()
        .filter(|review| review.revision_id == current.row.id)
        .filter(|review| {
            let verdict = review.verdict.map(|code| code.0);
            matches!(verdict, Some(Verdict::ChangesAsked | Verdict::Objection))
        })
        .map(|review| {
            let comment = Comment {
                by: file.name_of(review.person_id).to_owned(),
                at: Moment::new(review.at, now),
                verdict: "asked for changes".to_owned(),
                text: review.comment.clone(),
            };
            (Section::from(review.section.0), comment)
        });
    let with_decisions = super::sections::asked_with_decisions(file, now)
        .into_iter()
        .map(|comment| (Section::Justification, comment));
    with_decisions.chain(on_sections).collect()
}
