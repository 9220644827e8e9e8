//! A draft: what was typed, as it was typed, and what keeps it from being handed in.

use std::collections::BTreeSet;

use domain::grant::{Grant, ProposalRefused};
use domain::id::{EnvironmentId, ServiceId};
use domain::network::{Networks, Sources};
use domain::policy::Policy;
use domain::request::{Answers, QuestionId, Questionnaire, RequestedLine};
use domain::service::{Catalogue, ScopeName};
use serde::{Deserialize, Serialize};
use store::Environment;

use crate::http::form::Form;
use crate::refusal::{FieldError, Refusal};

/// The fields of the editor beside the questions' codes.
pub const FIELDS: [&str; 4] = ["version", "environment", "scope", "do"];

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    pub environments: BTreeSet<EnvironmentId>,
    pub scopes: BTreeSet<ScopeName>,
    pub answers: Answers,
}

impl Draft {
    /// # Errors
    /// [`Refusal::Internal`] for a stored draft that this program did not write.
    pub fn from_json(json: &str) -> Result<Self, Refusal> {
        serde_json::from_str(json).map_err(Refusal::internal)
    }

    /// # Errors
    /// [`Refusal::Internal`].
    pub fn to_json(&self) -> Result<String, Refusal> {
        serde_json::to_string(self).map_err(Refusal::internal)
    }

    /// Reads the editor's form. Only what is too long to keep is refused.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] for a field that the editor does not have, [`Refusal::Invalid`]
    /// beside what is too long.
    pub fn of_form(form: &Form) -> Result<Self, Refusal> {
        let codes = QuestionId::ALL.iter().map(|id| id.code());
        let known: Vec<&str> = FIELDS.into_iter().chain(codes).collect();
        form.only(&known)?;
        let mut draft = Self::default();
        let mut faults = Vec::new();
        for id in form.all("environment") {
            let id = id
                .parse()
                .map_err(|_| Refusal::BadRequest("There is no such environment."))?;
            draft.environments.insert(id);
        }
        for name in form.all("scope") {
            let name = name
                .parse()
                .map_err(|_| Refusal::BadRequest("There is no such scope."))?;
            draft.scopes.insert(name);
        }
        for id in QuestionId::ALL {
            // Browsers post line ends as CR LF.
            let typed = form.text(id.code()).replace("\r\n", "\n");
            if let Err(refused) = draft.answers.set(*id, &typed) {
                faults.push(fault(id.code(), refused));
            }
        }
        if faults.is_empty() {
            Ok(draft)
        } else {
            Err(Refusal::Invalid(faults))
        }
    }

    /// What is asked for in each environment, as proposals; or everything that is wrong, beside its
    /// field.
    ///
    /// # Errors
    /// [`Refusal::Invalid`].
    pub fn proposals(
        &self,
        service: ServiceId,
        catalogue: &Catalogue,
        open: &[(Environment, Policy)],
    ) -> Result<Vec<(RequestedLine, Grant)>, Refusal> {
        let mut faults: Vec<FieldError> = self
            .answers
            .validate_for_submission(&Questionnaire::CURRENT)
            .into_iter()
            .map(|error| fault(error.question.code(), error.sentence))
            .collect();
        if self.environments.is_empty() {
            faults.push(fault("environment", "Choose at least one environment."));
        }
        let known =
            |id: &&EnvironmentId| open.iter().any(|(environment, _)| environment.id == **id);
        if !self.environments.iter().all(|id| known(&id)) {
            let sentence =
                "An environment that you chose cannot be asked for any more. Choose again.";
            faults.push(fault("environment", sentence));
        }
        let mut proposals = Vec::new();
        if let Some(sources) = self.sources() {
            for (environment, policy) in open {
                if !self.environments.contains(&environment.id) {
                    continue;
                }
                let line = self.line(environment.id, sources.clone(), policy);
                match Grant::propose(&line, service, catalogue, policy) {
                    Ok(grant) => proposals.push((line, grant)),
                    Err(refused) => faults.push(of_proposal(&environment.name, &refused)),
                }
            }
        }
        faults.dedup();
        if faults.is_empty() {
            Ok(proposals)
        } else {
            Err(Refusal::Invalid(faults))
        }
    }

    /// One line asks for what the policy allows; reviewers narrow it.
    fn line(&self, environment: EnvironmentId, sources: Sources, policy: &Policy) -> RequestedLine {
        RequestedLine {
            environment,
            scopes: self.scopes.clone(),
            sources,
            rate: policy.rate_limit,
            life: policy.longest_life,
        }
    }

    /// Nothing when the answer is no list of networks: that is refused as an answer.
    fn sources(&self) -> Option<Sources> {
        let typed = self.answers.answer(QuestionId::Networks);
        if typed.trim().is_empty() {
            return Some(Sources::Anywhere);
        }
        let networks: Networks = typed.parse().ok()?;
        Some(Sources::Only(networks))
    }
}

fn of_proposal(environment: &str, refused: &ProposalRefused) -> FieldError {
    let field = match refused {
        ProposalRefused::NoScopes
        | ProposalRefused::UnknownScope(_)
        | ProposalRefused::NothingToCall => return fault("scope", refused),
        ProposalRefused::NetworksMissing | ProposalRefused::NetworkTooBroad(_) => "networks",
        ProposalRefused::RateAbovePolicy(_) | ProposalRefused::LifeAbovePolicy(_) => "environment",
    };
    fault(field, format!("{environment}: {refused}"))
}

fn fault(field: &str, sentence: impl ToString) -> FieldError {
    FieldError {
        field: field.to_owned(),
        sentence: sentence.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use domain::request::QuestionKind;
    use domain::service::EnvironmentKind;
    use domain::time::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn environment(number: u128) -> Environment {
        Environment {
            id: EnvironmentId::new(Uuid::from_u128(number)),
            service_id: ServiceId::new(Uuid::from_u128(1)),
            name: format!("environment-{number}"),
            kind: "production".to_owned(),
            tag: "live".to_owned(),
            base_url: "https://api.example.com".to_owned(),
            created_at: Timestamp::from_micros(1),
        }
    }

    fn open() -> Vec<(Environment, Policy)> {
        vec![
            (
                environment(1),
                Policy::default_for(EnvironmentKind::Sandbox),
            ),
            (
                environment(2),
                Policy::default_for(EnvironmentKind::Production),
            ),
        ]
    }

    fn catalogue() -> Catalogue {
        serde_json::from_str(
            r#"{"scopes":[{"name":"parcels:read","allows":"Read parcels","sensitivity":"low"}],
                "endpoints":[{"method":"GET","pattern":"/parcels/{id}","scopes":["parcels:read"]}]}"#,
        )
        .unwrap()
    }

    fn complete() -> Draft {
        let mut answers = Answers::default();
        for question in Questionnaire::CURRENT.questions {
            let text = match question.kind {
                QuestionKind::Line | QuestionKind::Paragraph => "We print labels for parcels.",
                QuestionKind::Choice(choices) => choices[0].code,
                QuestionKind::Networks => "192.0.2.0/24",
                QuestionKind::Volume => "5000",
                QuestionKind::Email => "ada@partner.example",
            };
            answers.set(question.id, text).unwrap();
        }
        Draft {
            environments: open()
                .iter()
                .map(|(environment, _)| environment.id)
                .collect(),
            scopes: BTreeSet::from(["parcels:read".parse().unwrap()]),
            answers,
        }
    }

    fn refused(change: fn(&mut Draft)) -> Vec<String> {
        let mut draft = complete();
        change(&mut draft);
        match draft.proposals(ServiceId::new(Uuid::from_u128(1)), &catalogue(), &open()) {
            Err(Refusal::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn form(pairs: &[(&str, &str)]) -> Form {
        Form(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_complete_draft_proposes_one_grant_for_each_environment() {
        let proposals = complete()
            .proposals(ServiceId::new(Uuid::from_u128(1)), &catalogue(), &open())
            .unwrap();
        assert_eq!(proposals.len(), 2);
        assert!(
            proposals
                .iter()
                .all(|(line, grant)| line.environment == grant.environment())
        );
    }

    #[test]
    fn each_fault_stands_beside_its_field() {
        assert_eq!(refused(|draft| draft.scopes.clear()), ["scope"]);
        assert_eq!(refused(|draft| draft.environments.clear()), ["environment"]);
        assert_eq!(
            refused(|draft| draft.answers.set(QuestionId::Networks, "").unwrap()),
            ["networks"]
        );
        assert_eq!(
            refused(|draft| draft.answers.set(QuestionId::Purpose, "").unwrap()),
            ["purpose"]
        );
    }

    #[test]
    fn an_environment_of_another_service_is_refused() {
        let fields = refused(|draft| {
            draft
                .environments
                .insert(EnvironmentId::new(Uuid::from_u128(9)));
        });
        assert_eq!(fields, ["environment"]);
    }

    #[test]
    fn a_field_that_the_editor_does_not_have_is_refused() {
        let refused = Draft::of_form(&form(&[("purpose", "x"), ("approved", "yes")]));
        assert!(matches!(refused, Err(Refusal::BadRequest(_))));
    }

    #[test]
    fn an_incomplete_draft_is_kept_as_it_was_typed() {
        let draft = Draft::of_form(&form(&[
            ("purpose", "one\r\ntwo <b>"),
            ("scope", "parcels:read"),
        ]))
        .unwrap();
        assert_eq!(draft.answers.answer(QuestionId::Purpose), "one\ntwo <b>");
        assert_eq!(Draft::from_json(&draft.to_json().unwrap()).unwrap(), draft);
    }

    #[test]
    fn an_answer_that_is_too_long_is_refused_at_its_field() {
        let long = "a".repeat(Answers::MAX_CHARS + 1);
        let Err(Refusal::Invalid(faults)) = Draft::of_form(&form(&[("purpose", &long)])) else {
            panic!("accepted");
        };
        assert_eq!(faults[0].field, "purpose");
    }
}
