//! What stands around a page: the bar, the message of the last act, the foot.

use leptos::prelude::*;

use crate::components::{Tone, face, notice};
use crate::render::Page;

/// Who looks at the page, and from where.
#[derive(Clone, Debug)]
pub struct Shell {
    /// The host's name.
    pub host: String,
    pub viewer: Viewer,
    pub here: Area,
    /// What the last act did; shown once.
    pub flash: Option<Flash>,
}

#[derive(Clone, Debug)]
pub struct Viewer {
    pub name: String,
    pub side: Side,
}

#[derive(Clone, Debug)]
pub enum Side {
    Staff(Roles),
    Contact { partner: String, admin: bool },
}

/// The roles that a person holds (none implies another).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    pub owner: bool,
    pub operator: bool,
    pub reviewer: bool,
    pub auditor: bool,
}

#[derive(Clone, Debug)]
pub struct Flash {
    pub tone: Tone,
    pub text: String,
}

/// The entry of the bar that a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    Home,
    Requests,
    Partners,
    Keys,
    Services,
    Gateways,
    People,
    Audit,
    Mail,
    Profile,
}

impl Area {
    const fn path(self) -> &'static str {
        match self {
            Self::Home => "/",
            Self::Requests => "/requests",
            Self::Partners => "/partners",
            Self::Keys => "/keys",
            Self::Services => "/services",
            Self::Gateways => "/gateways",
            Self::People => "/people",
            Self::Audit => "/audit",
            Self::Mail => "/mail",
            Self::Profile => "/profile",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Home => "Home",
            Self::Requests => "Requests",
            Self::Partners => "Partners",
            Self::Keys => "Keys",
            Self::Services => "Services",
            Self::Gateways => "Gateways",
            Self::People => "People",
            Self::Audit => "Audit",
            Self::Mail => "Mail",
            Self::Profile => "Profile",
        }
    }
}

impl Roles {
    fn words(self) -> String {
        let words: Vec<&str> = [
            (self.owner, "Owner"),
            (self.operator, "Operator"),
            (self.reviewer, "Reviewer"),
            (self.auditor, "Auditor"),
        ]
        .into_iter()
        .filter_map(|(held, word)| held.then_some(word))
        .collect();
        if words.is_empty() {
            "No role".to_owned()
        } else {
            words.join(", ")
        }
    }
}

impl Viewer {
    /// What the bar offers: only what the person may open. The host's name leads home.
    fn areas(&self) -> Vec<Area> {
        match &self.side {
            Side::Staff(roles) => [
                (true, Area::Requests),
                (true, Area::Partners),
                (true, Area::Keys),
                (true, Area::Services),
                (roles.operator, Area::Gateways),
                (roles.owner, Area::People),
                (roles.operator, Area::Mail),
                (roles.auditor, Area::Audit),
            ]
            .into_iter()
            .filter_map(|(offered, area)| offered.then_some(area))
            .collect(),
            Side::Contact { .. } => {
                vec![Area::Requests, Area::Keys, Area::Services, Area::People]
            }
        }
    }

    fn words(&self) -> String {
        match &self.side {
            Side::Staff(roles) => roles.words(),
            Side::Contact { partner, admin } => {
                format!("{partner}, {}", if *admin { "admin" } else { "member" })
            }
        }
    }
}

/// A page for somebody who is signed in.
pub fn page(shell: Shell, title: impl Into<String>, body: impl IntoView + 'static) -> Page {
    framed(shell, title, "page", body)
}

/// The same, for forms and texts: one column, shorter lines.
pub fn slim(shell: Shell, title: impl Into<String>, body: impl IntoView + 'static) -> Page {
    framed(shell, title, "page slim", body)
}

/// A page before anybody is known: the host's name and one card.
pub fn alone(host: &str, title: impl Into<String>, body: impl IntoView + 'static) -> Page {
    unframed(host, title, "narrow", body)
}

/// A text that anybody may read: as wide as a page of the portal, without its bar.
pub fn open(host: &str, title: impl Into<String>, body: impl IntoView + 'static) -> Page {
    unframed(host, title, "page slim", body)
}

fn unframed(
    host: &str,
    title: impl Into<String>,
    class: &'static str,
    body: impl IntoView + 'static,
) -> Page {
    let body = view! {
        <main class=class id="main">
            <a class="brand" href="/">{mark()}<span>{signed(host)}</span></a>
            {body.into_any()}
        </main>
    };
    Page {
        title: title.into(),
        body: body.into_any(),
    }
}

/// Whose portal it is; a host that has no name of its own is not called twice the same.
fn signed(host: &str) -> String {
    match host {
        "Latchkey" => host.to_owned(),
        host => format!("{host} · Latchkey"),
    }
}

fn framed(
    shell: Shell,
    title: impl Into<String>,
    class: &'static str,
    body: impl IntoView + 'static,
) -> Page {
    let flash = shell
        .flash
        .clone()
        .map(|flash| notice(flash.tone, view! { <p>{flash.text}</p> }));
    let body = view! {
        <a class="skip" href="#main">"Skip to the content"</a>
        {bar(shell)}
        <main class=class id="main" tabindex="-1">{flash}{body.into_any()}</main>
        <footer class="foot">
            <span>"Latchkey keeps keys off the welcome mat."</span>
            <a href="/docs/api">"For programs"</a>
            <a href="/.well-known/latchkey.json">"Signing key"</a>
        </footer>
    };
    Page {
        title: title.into(),
        body: body.into_any(),
    }
}

fn bar(shell: Shell) -> AnyView {
    let Shell {
        host, viewer, here, ..
    } = shell;
    let links = viewer
        .areas()
        .into_iter()
        .map(|area| {
            let current = (area == here).then_some("page");
            view! { <a href=area.path() aria-current=current>{area.label()}</a> }
        })
        .collect_view();
    let home = (here == Area::Home).then_some("page");
    let words = viewer.words();
    let profile = format!(". {}, your profile", viewer.name);
    view! {
        <header class="bar">
            <a class="brand" href="/" aria-current=home>{mark()}<span>{host}</span></a>
            <nav aria-label="Main">{links}</nav>
            <div class="who">
                <a href="/profile">
                    <span class="name">{words}</span>
                    <span class="sr">{profile}</span>
                    {face(&viewer.name)}
                </a>
                <form method="post" action="/sign-out"><button class="btn quiet small">"Sign out"</button></form>
            </div>
        </header>
    }
    .into_any()
}

fn mark() -> AnyView {
    view! {
        <svg width="20" height="20" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.8"
            stroke-linecap="round" aria-hidden="true">
            <circle cx="6.5" cy="10" r="3.6"></circle>
            <path d="M10.1 10H18M15 10v3.2M18 10v2.2"></path>
        </svg>
    }
    .into_any()
}
