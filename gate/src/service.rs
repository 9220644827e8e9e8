//! The service with the gate before it.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::request::Parts;
use http::{Request, Response};
use tower_service::Service;

use crate::answer::{Caller, Decision};
use crate::call::{Question, Unclear, clean};
use crate::{Gate, Settings, refusal};

/// A service behind a [`Gate`]. Calls that pass have a [`Caller`] in their extensions.
#[derive(Clone)]
pub struct Gated<S> {
    gate: Gate,
    inner: S,
}

impl<S> Gated<S> {
    pub(crate) const fn new(gate: Gate, inner: S) -> Self {
        Self { gate, inner }
    }
}

impl<S, In, Out> Service<Request<In>> for Gated<S>
where
    S: Service<Request<In>, Response = Response<Out>> + Clone + Send + 'static,
    S::Future: Send,
    In: Send + 'static,
    Out: From<String>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, call: Request<In>) -> Self::Future {
        // The one that was polled ready is the one to call.
        let next = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, next);
        let settings = Arc::clone(&self.gate.0);
        Box::pin(async move {
            let (mut call, body) = call.into_parts();
            let caller = match admit(&call, &settings).await {
                Ok(caller) => caller,
                Err(refusal) => return Ok(refusal),
            };
            clean(&mut call.headers, settings.keeps_key);
            let limits = caller.limits.clone();
            call.extensions.insert::<Caller>(caller);
            let mut response = inner.call(Request::from_parts(call, body)).await?;
            refusal::tell_limits(response.headers_mut(), &limits);
            Ok(response)
        })
    }
}

/// Who may make this call, or what the client is told.
async fn admit<Out: From<String>>(
    call: &Parts,
    settings: &Settings,
) -> Result<Caller, Response<Out>> {
    let question = Question::about(call, settings).map_err(|unclear| match unclear {
        Unclear::NoKey => refusal::no_key(),
        Unclear::Call => refusal::malformed(),
        Unclear::NoPeer => {
            tracing::error!(
                "nothing tells where calls come from, so none passes: `Gate::peer_from`"
            );
            refusal::unsure()
        }
    })?;
    let decision = decide(&question, settings).await;
    decision
        .ok_or_else(refusal::unsure)?
        .map_err(|denied| refusal::denied(&denied, settings.place.scope.as_deref()))
}

/// None: there is no decision in time.
async fn decide(question: &Question<'_>, settings: &Settings) -> Option<Decision> {
    let asked = tokio::time::timeout(settings.deadline, async {
        // Never closed.
        let _turn = settings.at_once.acquire().await.ok();
        settings.latchkey.ask(question).await
    });
    match asked.await {
        Ok(Ok(decision)) => Some(decision),
        Ok(Err(why)) => {
            tracing::warn!("{why}; the call is refused");
            None
        }
        Err(_) => {
            tracing::warn!("Latchkey did not answer in time; the call is refused");
            None
        }
    }
}
