//! `/requests/new`: pick a service and an environment. `/requests/{id}/edit`: the three sections.
//!
//! Forms: `POST /requests/new` (`service`); `POST /requests/{id}/edit` (`version`, `environment`
//! and `scope` repeated, the code of each of [`QUESTIONS`], `do` = `save` | `submit`). The island
//! saves the same fields to `POST /requests/{id}/draft`, and puts the answered version back. A draft
//! can be given up: `POST /requests/{id}/withdraw`.

use leptos::prelude::*;

use super::questions::{QUESTIONS, question_field};
use super::section::Section;
use super::status::withdraw_form;
use crate::components::{
    Choice, Comment, Field, Filled, Moment, Pill, card, comment, crumbs, empty, error_summary,
    head, long_error_summary, plain_card,
};
use crate::islands::Autosave;
use crate::pages::state::RequestState;
use crate::render::Page;
use crate::shell::{Shell, slim};

/// What can be asked for.
#[derive(Clone, Debug)]
pub struct StartForm {
    /// The services, with their descriptions as help.
    pub services: Vec<Choice>,
    pub filled: Filled,
}

pub fn start_page(shell: Shell, vm: StartForm) -> Page {
    let StartForm { services, filled } = vm;
    let form = if services.is_empty() {
        empty(
            "No service is open for requests",
            "The host has not published a service yet. You are told when there is one.",
            None,
        )
    } else {
        view! {
            <div class="body roomy"><form class="form" method="post" action="/requests/new">
                {Field::radios(&filled, "service", "Service", services).view()}
                <div class="actions"><button class="btn primary">"Start the request"</button></div>
            </form></div>
        }
        .into_any()
    };
    let body = view! {
        {head(Some(crumbs(vec![("/requests".to_owned(), "Requests".to_owned())], "New")), "Ask for access", None::<Pill>,
            "Pick what you want to use. The questions come next; your answers are saved as you type.")}
        {error_summary(&filled)}
        <section class="card">{form}</section>
    };
    slim(shell, "Ask for access", body)
}

#[derive(Clone, Debug)]
pub struct RequestForm {
    pub id: String,
    pub service: String,
    pub state: RequestState,
    /// Of the draft: another window's save is not overwritten.
    pub version: i64,
    pub environments: Vec<EditChoice>,
    pub scopes: Vec<EditChoice>,
    pub saved: Option<Moment>,
    /// Comments that ask for changes, by section.
    pub asked: Vec<(Section, Comment)>,
    pub filled: Filled,
}

/// An environment or a scope on offer.
pub type EditChoice = Choice;

pub fn edit_page(shell: Shell, vm: RequestForm) -> Page {
    let title = format!("Ask for access to {}", vm.service);
    let saved = match &vm.saved {
        Some(at) => view! { "Saved "{at.view()}". Answers are saved as you type." }.into_any(),
        None => "Answers are saved as you type. Nobody sees them before you hand in.".into_any(),
    };
    let sections = Section::ALL
        .into_iter()
        .map(|section| section_fields(section, &vm.asked, &vm.filled))
        .collect_view();
    let what = card(
        "What you ask for",
        None,
        view! {
            <div class="form">
                {Field::checks(&vm.filled, "environment", "Environments", vm.environments).help("Each is decided on its own, with its own key.").view()}
                {Field::checks(&vm.filled, "scope", "Scopes", vm.scopes).help("As few as you can: fewer questions, sooner decided.").view()}
            </div>
        },
    );
    let questions = QUESTIONS.iter().map(|it| (it.id.code(), it.label));
    let fields: Vec<_> = [("environment", "Environments"), ("scope", "Scopes")]
        .into_iter()
        .chain(questions)
        .collect();
    let withdraw = (vm.state == RequestState::Draft).then(|| {
        withdraw_form(
            &vm.id,
            "draft",
            "It leaves your list with all that was typed. The host has not seen it.",
        )
    });
    let body = view! {
        {head(Some(crumbs(vec![("/requests".to_owned(), "Requests".to_owned())], vm.service.clone())), title.clone(), Some(vm.state.pill()), saved)}
        <nav class="row" aria-label="Sections">
            {Section::ALL.into_iter().map(|s| view! { <a class="chip" href=format!("#{}", s.slug())>{s.title()}</a> }).collect_view()}
        </nav>
        {long_error_summary(&vm.filled, &fields)}
        <form class="stack" id="request" method="post" action=format!("/requests/{}/edit", vm.id) novalidate="">
            <input type="hidden" name="version" value=vm.version.to_string()/>
            {what}{sections}
            {plain_card(view! {
                <p>"Handing in freezes this revision; changes make a new one."</p>
                <div class="actions">
                    <button class="btn primary" name="do" value="submit">"Hand in for review"</button>
                    <button class="btn" name="do" value="save">"Save the draft"</button>
                    <Autosave form_id="request".to_owned() url=format!("/requests/{}/draft", vm.id)/>
                </div>
            })}
        </form>
        {withdraw}
    };
    slim(shell, title, body)
}

fn section_fields(section: Section, asked: &[(Section, Comment)], filled: &Filled) -> AnyView {
    let asked = asked
        .iter()
        .filter(|(about, _)| *about == section)
        .map(|(_, said)| comment(said.clone()))
        .collect_view();
    let fields = QUESTIONS
        .iter()
        .filter(|question| Section::from(question.section) == section)
        .map(|question| question_field(question, filled))
        .collect_view();
    view! {
        <section class="card" id=section.slug()>
            <header><h2>{section.title()}</h2></header>
            <div class="body">{asked}<div class="form">{fields}</div></div>
        </section>
    }
    .into_any()
}
