//! Services, policies, gateways.

use app::components::{Choice, Filled, Line, Pill, Tone};
use app::pages::gateway::{
    GatewayDetail, GatewayList, GatewayRow, NewGateway, Tried, gateway_page, gateways_page,
    new_gateway_page,
};
use app::pages::policy::{PolicyForm, policy_page};
use app::pages::service::{
    EndpointRow, EnvironmentRow, NewService, ScopeRow, ServiceDetail, ServiceList, ServiceRow,
    new_service_page, service_page, services_page,
};
use app::pages::state::Standing;
use app::shell::Area;

use super::people::refused;
use super::{HOUR, Sample, State, at, contact, named, staff};

pub(crate) fn pages(s: State) -> Vec<Sample> {
    vec![
        named("services", move || {
            services_page(staff(s, Area::Services), services(s))
        }),
        named("service-new", move || {
            let filled = refused(
                s,
                &[
                    ("name", "Name the service."),
                    ("description", "Say what it is for."),
                    ("slug", "Use small letters, digits and hyphens."),
                ],
            )
            .of_form("about");
            new_service_page(staff(s, Area::Services), NewService { filled })
        }),
        named("service", move || {
            service_page(staff(s, Area::Services), service(s, true))
        }),
        named("service-partner", move || {
            service_page(contact(s, Area::Services), service(s, false))
        }),
        named("service-retired", move || {
            let retired = ServiceDetail {
                standing: Standing::Retired,
                filled: refused(s, &[("base_url", "A base URL begins with https://.")])
                    .of_form("environment-sandbox"),
                ..service(s, true)
            };
            service_page(staff(s, Area::Services), retired)
        }),
        named("policy", move || {
            policy_page(staff(s, Area::Services), policy(s))
        }),
        named("gateways", move || {
            gateways_page(staff(s, Area::Gateways), gateways(s))
        }),
        named("gateway-new", move || {
            new_gateway_page(staff(s, Area::Gateways), new_gateway(s))
        }),
        named("gateway-change", move || {
            let changed = GatewayDetail {
                filled: refused(
                    s,
                    &[("pair", "Pick at least one environment that it serves.")],
                )
                .of_form("serves"),
                credential: None,
                tried: None,
                ..gateway(s)
            };
            gateway_page(staff(s, Area::Gateways), changed)
        }),
        named("gateway", move || {
            gateway_page(staff(s, Area::Gateways), gateway(s))
        }),
    ]
}

fn services(s: State) -> ServiceList {
    let rows = if s.is_empty() {
        Vec::new()
    } else {
        [
            (
                "Shipments API",
                "Where a parcel is, and what happened to it.",
            ),
            ("Reports API", "Monthly figures by region."),
        ]
        .into_iter()
        .map(|(name, description)| ServiceRow {
            id: "v1".to_owned(),
            name: s.t(name),
            description: s.t(description),
            environments: s.t("sandbox, production"),
            scopes: 2,
            standing: Standing::Active,
        })
        .collect()
    };
    ServiceList {
        rows,
        may_edit: true,
    }
}

fn service(s: State, may_edit: bool) -> ServiceDetail {
    let full = !s.is_empty();
    ServiceDetail {
        id: "v1".to_owned(),
        name: s.t("Shipments API"),
        description: s.t("Where a parcel is, and what happened to it."),
        slug: "shipments".to_owned(),
        version: 7,
        standing: Standing::Active,
        environments: if full {
            vec![
                EnvironmentRow {
                    name: "sandbox".to_owned(),
                    base_url: s.t("https://sandbox.alder.example"),
                    prefix: "lk_test_".to_owned(),
                    tag: "test".to_owned(),
                    has_keys: false,
                    policy: s.t("1 approval, at most 365 days"),
                    version: 1,
                },
                EnvironmentRow {
                    name: "production".to_owned(),
                    base_url: s.t("https://api.alder.example"),
                    prefix: "lk_live_".to_owned(),
                    tag: "live".to_owned(),
                    has_keys: true,
                    policy: s.t("2 approvals, at most 180 days, networks needed"),
                    version: 4,
                },
            ]
        } else {
            Vec::new()
        },
        scopes: if full {
            vec![
                ScopeRow {
                    name: s.t("shipments:read"),
                    allows: s.t("Read the status and events of shipments."),
                    sensitivity: Some(Pill::new(s.t("Personal data"), Tone::Warn)),
                },
                ScopeRow {
                    name: s.t("shipments:write"),
                    allows: s.t("Create and cancel shipments."),
                    sensitivity: Some(Pill::new("Moves money or goods", Tone::Stop)),
                },
            ]
        } else {
            Vec::new()
        },
        endpoints: if full {
            vec![
                EndpointRow {
                    method: "GET".to_owned(),
                    pattern: s.t("/v2/shipments/{id}"),
                    scopes: s.t("shipments:read"),
                },
                EndpointRow {
                    method: "POST".to_owned(),
                    pattern: s.t("/v2/shipments"),
                    scopes: s.t("shipments:write"),
                },
            ]
        } else {
            Vec::new()
        },
        may_edit,
        sees_policies: may_edit,
        filled: if may_edit {
            refused(s, &[("pattern", "A pattern begins with a slash.")]).of_form("endpoint")
        } else {
            Filled::default()
        },
    }
}

fn policy(s: State) -> PolicyForm {
    let mut filled = Filled::default()
        .with("approvals", s.t("1"))
        .with("max_days", "365")
        .with("rate", "100")
        .with("limits_grant", "2000 a minute, 100000 a day")
        .with("link_hours", "72")
        .with("networks_required", "yes");
    if s == State::Failing {
        filled.refuse(
            "approvals",
            "At least one approval is needed; zero cannot be set.",
        );
    }
    PolicyForm {
        service: s.t("Shipments API"),
        service_id: "v1".to_owned(),
        environment: "production".to_owned(),
        version: 4,
        weakens: if s.is_empty() {
            Vec::new()
        } else {
            vec![
                s.t("Approvals needed: 1 instead of 2."),
                s.t("Longest life: 365 days instead of 180."),
            ]
        },
        second_person: true,
        pending: if s == State::Full {
            s.t("Amber Office proposed a change an hour ago.")
        } else {
            String::new()
        },
        history: vec![
            Line::new("Version 4", s.t("2 approvals, 180 days"))
                .remark(s.t("since 1 October 2026")),
            Line::new("Version 3", s.t("2 approvals, 365 days")),
        ],
        may_change: true,
        filled,
    }
}

fn gateways(s: State) -> GatewayList {
    let rows = if s.is_empty() {
        Vec::new()
    } else {
        vec![
            GatewayRow {
                id: "g1".to_owned(),
                name: s.t("edge, region north"),
                kind: s.t("nginx"),
                serves: s.t("Shipments API: sandbox, production"),
                standing: Standing::Active,
                last_asked: Some(at(-2)),
            },
            GatewayRow {
                id: "g2".to_owned(),
                name: s.t("edge, region south"),
                kind: s.t("verify API"),
                serves: s.t("Reports API: sandbox"),
                standing: Standing::Ended,
                last_asked: None,
            },
        ]
    };
    GatewayList { rows }
}

fn new_gateway(s: State) -> NewGateway {
    NewGateway {
        kinds: vec![
            Choice::new("verify", s.t("Verify API")).help(s.t("Posts the call as JSON.")),
            Choice::new("nginx", "nginx")
                .help(s.t("auth_request, with X-Original-URI and X-Original-Method.")),
        ],
        pairs: if s.is_empty() {
            Vec::new()
        } else {
            vec![
                Choice::new("v1/production", s.t("Shipments API, production")),
                Choice::new("v1/sandbox", s.t("Shipments API, sandbox")),
            ]
        },
        filled: refused(
            s,
            &[
                ("name", "Name the gateway."),
                ("pair", "Pick at least one."),
                ("proxies", "“10.0.0.0/40” is not a network."),
            ],
        )
        .with("kind", "verify"),
    }
}

fn gateway(s: State) -> GatewayDetail {
    GatewayDetail {
        id: "g1".to_owned(),
        name: s.t("edge, region north"),
        standing: Standing::Active,
        facts: vec![
            Line::new("Kind", s.t("nginx")),
            Line::new("Serves", s.t("Shipments API: sandbox, production")),
            Line::new("Proxies", s.t("10.0.0.0/8")).mono(),
            Line::new("Last asked", s.t("2 seconds ago")),
        ],
        pairs: new_gateway(s).pairs,
        serves: Filled::default()
            .with("pair", "v1/production")
            .with("proxies", s.t("10.0.0.0/8")),
        credential: (s == State::Full).then(|| "lkg_5mQx8Zb0c1r2VtYwE4nHd7sKfJp9aLgU".to_owned()),
        tried: (!s.is_empty()).then(|| Tried {
            accepted: s == State::Full,
            code: if s == State::Full { "accepted".to_owned() } else { s.t("source_network") },
            words: if s == State::Full {
                "The call would be let through.".to_owned()
            } else {
                s.t("The key is good, but the call came from a network that its grant does not name.")
            },
            lines: vec![Line::new("Key", s.t("lk_live_7Fq2mZ0a…")).mono(), Line::new("Partner", s.t("Brightwater Logistics")), Line::new("Asked", at(-HOUR).exact)],
        }),
        filled: refused(s, &[("key", "Paste a key."), ("path", "A path begins with a slash."), ("source_ip", "Write an address, such as 203.0.113.4.")]),
    }
}
