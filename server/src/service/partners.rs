//! Partner organisations, as pages and acts need them.

use domain::id::PartnerId;
use store::{KeyRow, Partner, Read, Stamped};

use crate::auth::actor::{Actor, Side};
use crate::refusal::Refusal;

/// A partner whom the actor may see: staff see all, a contact their own (never 10).
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Store`].
pub async fn seen(
    read: &mut Read,
    actor: &Actor,
    id: PartnerId,
) -> Result<Stamped<Partner>, Refusal> {
    match actor.side() {
        Side::Contact { partner, .. } if *partner != id => Err(Refusal::NotFound),
        _ => read.partner(id).await?.ok_or(Refusal::NotFound),
    }
}

/// # Errors
/// [`Refusal::Invalid`] on `organisation` when another partner is called so, in any case.
pub async fn name_is_free(read: &mut Read, name: &str) -> Result<(), Refusal> {
    let name = name.to_lowercase();
    let partners = read.partners().await?;
    if partners
        .iter()
        .any(|partner| partner.name.to_lowercase() == name)
    {
        return Err(Refusal::field(
            "organisation",
            "A partner of this name is here already.",
        ));
    }
    Ok(())
}

/// All keys of a partner, newest first.
///
/// # Errors
/// [`Refusal::Store`].
pub async fn keys(read: &mut Read, partner: PartnerId) -> Result<Vec<Stamped<KeyRow>>, Refusal> {
    const PAGE: i64 = 500;
    let mut keys = Vec::new();
    let mut offset = 0;
    loop {
        let page = read.keys_of_partner(partner, PAGE, offset).await?;
        let got = i64::try_from(page.len()).unwrap_or(i64::MAX);
        keys.extend(page);
        if got < PAGE {
            return Ok(keys);
        }
        offset += PAGE;
    }
}
