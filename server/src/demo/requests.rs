//! Requests in the story: drafted, handed in, judged and decided.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use domain::decision::DecisionVerdict;
use domain::grant::Narrowing;
use domain::id::{EnvironmentId, GrantId, RequestId};
use domain::request::Answers;
use domain::review::{Section, Verdict};
use domain::state::GrantState;

use super::catalogue::Offered;
use super::persona::{Persona, desk};
use super::said;
use super::stage::Stage;
use crate::service::acts::{Decide, ProposeGrant};
use crate::service::requests::{self, Draft};
use crate::service::reviews;

/// What somebody asks for.
pub(super) struct Wish<'a> {
    pub(super) service: &'a Offered,
    pub(super) environments: &'a [&'a str],
    pub(super) scopes: &'a [&'a str],
    pub(super) answers: Answers,
}

impl Persona {
    pub(super) async fn draft(&self, stage: &Stage, wish: Wish<'_>) -> Result<RequestId> {
        let contact = self.actor(stage).await?.contact().map_err(said)?;
        let service = wish.service.id.to_string();
        let id = requests::start(&stage.portal, contact, &service)
            .await
            .map_err(said)?;
        stage.later(19);
        let environments: Result<BTreeSet<EnvironmentId>> = wish
            .environments
            .iter()
            .map(|name| wish.service.environment(name))
            .collect();
        let scopes: Result<BTreeSet<_>, _> = wish.scopes.iter().map(|name| name.parse()).collect();
        let draft = Draft {
            environments: environments?,
            scopes: scopes?,
            answers: wish.answers,
        };
        requests::save_draft(&stage.portal, contact, id, 0, &draft)
            .await
            .map_err(said)?;
        Ok(id)
    }

    /// Drafts a request and hands it in.
    pub(super) async fn ask(&self, stage: &Stage, wish: Wish<'_>) -> Result<RequestId> {
        let id = self.draft(stage, wish).await?;
        let actor = self.actor(stage).await?;
        requests::submit(&stage.portal, &actor, id, 1, &desk())
            .await
            .map_err(said)?;
        Ok(id)
    }

    pub(super) async fn withdraw(&self, stage: &Stage, id: RequestId) -> Result<()> {
        let actor = self.actor(stage).await?;
        requests::withdraw(&stage.portal, &actor, id, &desk())
            .await
            .map(drop)
            .map_err(said)
    }

    pub(super) async fn reply(
        &self,
        stage: &Stage,
        id: RequestId,
        section: Section,
        comment: &str,
    ) -> Result<()> {
        let actor = self.actor(stage).await?;
        reviews::reply(&stage.portal, &actor, id, section, comment, &desk())
            .await
            .map_err(said)
    }

    pub(super) async fn judge(
        &self,
        stage: &Stage,
        id: RequestId,
        section: Section,
        verdict: Option<Verdict>,
        comment: &str,
    ) -> Result<()> {
        let actor = self.actor(stage).await?;
        reviews::judge(
            &stage.portal,
            &actor,
            id,
            section,
            verdict,
            comment,
            &desk(),
        )
        .await
        .map_err(said)
    }

    /// Accepts all three sections, one after the other.
    pub(super) async fn accept_all(&self, stage: &Stage, id: RequestId) -> Result<()> {
        for section in Section::ALL {
            stage.later(4);
            self.judge(stage, id, *section, Some(Verdict::Accepted), "")
                .await?;
        }
        Ok(())
    }

    pub(super) async fn decide(
        &self,
        stage: &Stage,
        request: RequestId,
        environment: EnvironmentId,
        verdict: DecisionVerdict,
        reason: &str,
    ) -> Result<()> {
        stage.later(6);
        let act = Decide {
            request,
            environment,
            grant: proposed(stage, request, environment).await?,
            verdict,
            reason: Some(reason.parse()?),
        };
        self.act(stage, act).await.map(drop)
    }

    pub(super) async fn approve(
        &self,
        stage: &Stage,
        request: RequestId,
        environment: EnvironmentId,
    ) -> Result<()> {
        let reason = "The scopes fit the purpose, and the safeguards are sound.";
        let approve = DecisionVerdict::Approve;
        self.decide(stage, request, environment, approve, reason)
            .await
    }

    pub(super) async fn narrow(
        &self,
        stage: &Stage,
        request: RequestId,
        environment: EnvironmentId,
        narrowing: Narrowing,
        why: &str,
    ) -> Result<()> {
        stage.later(5);
        let act = ProposeGrant {
            request,
            environment,
            grant: proposed(stage, request, environment).await?,
            narrowing,
            why: why.parse()?,
        };
        self.act(stage, act).await.map(drop)
    }
}

async fn proposed(
    stage: &Stage,
    request: RequestId,
    environment: EnvironmentId,
) -> Result<GrantId> {
    let mut read = stage.portal.store.read().await?;
    let grants = read.grants_of_request(request).await?;
    grants
        .iter()
        .find(|row| row.environment_id == environment && row.state.0 == GrantState::Proposed)
        .map(|row| row.id)
        .context("nothing is proposed there")
}
