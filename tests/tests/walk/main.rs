//! The main job in a real browser, by clicks and typing alone: what people do, what they see, and
//! that they can.

#![cfg(test)]

mod after;
mod cast;
mod claim_page;
mod delivery;
mod duties;
mod ending;
mod errands;
mod host;
mod keyboard;
mod kinds;
mod no_scripts;
mod partner;
mod profile;
mod review;
mod stage;

use anyhow::Result;
use tests::postgres;

use cast::Cast;
use duties::Duty;

#[tokio::test]
async fn people_do_the_main_job_in_a_browser_on_sqlite() -> Result<()> {
    let cast = Cast::meet(None).await?;
    main_job(cast.looking_closely()).await
}

#[tokio::test]
async fn people_do_the_main_job_in_a_browser_on_postgresql() -> Result<()> {
    let database = postgres::create_database().await?;
    main_job(Cast::meet(Some(database)).await?).await
}

async fn main_job(mut cast: Cast) -> Result<()> {
    host::first_owner(&mut cast).await?;
    host::staff(&mut cast).await?;
    host::catalogue(&cast).await?;
    host::policy(&cast).await?;
    host::gateway(&mut cast).await?;
    partner::invited(&mut cast).await?;
    partner::asks(&mut cast).await?;
    review::changes_are_asked(&mut cast).await?;
    partner::hands_in_again(&mut cast).await?;
    review::sandbox_is_approved_by_one(&mut cast).await?;
    review::production_is_approved_by_two(&mut cast).await?;
    let first = delivery::claimed(&mut cast).await?;
    delivery::used(&cast, &first).await?;
    after::a_call_is_tried(&cast, &first).await?;
    let second = after::replaced(&mut cast, &first).await?;
    after::revoked(&mut cast, &first, &second).await?;
    after::looked_back_on(&cast).await?;
    cast.part().await
}

#[tokio::test]
async fn people_do_their_duties_in_a_browser_on_sqlite() -> Result<()> {
    duties(Duty::set(None).await?).await
}

#[tokio::test]
async fn people_do_their_duties_in_a_browser_on_postgresql() -> Result<()> {
    let database = postgres::create_database().await?;
    duties(Duty::set(Some(database)).await?).await
}

#[tokio::test]
async fn the_last_owner_comes_back_by_the_console_on_sqlite() -> Result<()> {
    errands::the_last_owner_comes_back(None).await
}

#[tokio::test]
async fn the_last_owner_comes_back_by_the_console_on_postgresql() -> Result<()> {
    errands::the_last_owner_comes_back(Some(postgres::create_database().await?)).await
}

async fn duties(mut duty: Duty) -> Result<()> {
    duty.stands_back().await?;
    duty.suspends_and_resumes_a_partner().await?;
    duty.has_a_second_passkey_and_ends_other_sessions().await?;
    duty.renames_a_passkey().await?;
    duty.sends_a_mail_again().await?;
    let request = duty.scene.ask_for_access().await?;
    duty.corrects_an_address().await?;
    let contact = duty.recovers_who_lost_a_passkey().await?;
    duty.withdraws(&contact, &request).await?;
    duty.invites_a_colleague(&contact).await?;
    contact.assert_quiet().await?;
    contact.quit().await?;
    duty.confirms_a_weaker_policy().await?;
    duty.confirms_one_role_and_refuses_another().await?;
    duty.lets_a_partner_go().await?;
    duty.revokes_a_gateway().await
}
