//! The databases that other tests get.

#![cfg(test)]

use sqlx::{Connection as _, PgConnection};
use tests::postgres::create_database;

#[tokio::test]
async fn each_database_is_empty_and_its_own() {
    let one = create_database().await.unwrap();
    let other = create_database().await.unwrap();
    assert_ne!(one, other);
    let mut connection = PgConnection::connect(&one).await.unwrap();
    sqlx::query("CREATE TABLE only_here (id BIGINT)")
        .execute(&mut connection)
        .await
        .unwrap();
    let mut connection = PgConnection::connect(&other).await.unwrap();
    assert!(
        sqlx::query("SELECT id FROM only_here")
            .execute(&mut connection)
            .await
            .is_err()
    );
}
