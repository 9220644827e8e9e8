//! People, their addresses and roles.

use domain::id::{PartnerId, PersonId, RoleId};
use domain::person::Email;
use domain::state::{PersonKind, PersonState, Role};
use domain::time::Timestamp;

use crate::column::Code;
use crate::conn::Read;
use crate::error::Error;
use crate::row::{Sealed, Stamped, row};
use crate::sql::{run, statements};
use crate::work::Work;

row! {
    /// A member of staff or a contact.
    sealed struct Person in "person" {
        id: PersonId,
        kind: Code<PersonKind>,
        partner_id: Option<PartnerId>,
        name: String,
        state: Code<PersonState>,
        created_at: Timestamp,
    }
}

row! {
    /// Where mail to a person goes. `mailbox` is the address as it is compared, and absent once the
    /// person is removed, so that the address is free again.
    sealed struct Address in "address" {
        id: PersonId,
        email: String,
        mailbox: Option<String>,
        changed_at: Timestamp,
    }
}

row! {
    /// One role of one person, and since when.
    sealed struct Appointment in "role" {
        id: RoleId,
        person_id: PersonId,
        role: Code<Role>,
        appointed_at: Timestamp,
        appointed_by: Option<PersonId>,
    }
}

/// An address as it is compared: one mailbox is one person, however its case was typed.
pub fn mailbox(email: &Email) -> String {
    email.as_str().to_lowercase()
}

impl Read {
    pub async fn person(&mut self, id: PersonId) -> Result<Option<Stamped<Person>>, Error> {
        let row = run!(
            &mut self.conn,
            PERSON,
            [id],
            fetch_optional as Sealed<Person>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    pub async fn address(&mut self, id: PersonId) -> Result<Option<Stamped<Address>>, Error> {
        let row = run!(
            &mut self.conn,
            ADDRESS,
            [id],
            fetch_optional as Sealed<Address>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    /// Whose address this is, if it is anybody's.
    pub async fn address_of(&mut self, email: &Email) -> Result<Option<Stamped<Address>>, Error> {
        let mailbox = mailbox(email);
        let row = run!(
            &mut self.conn,
            ADDRESS_OF,
            [mailbox],
            fetch_optional as Sealed<Address>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    pub async fn roles(&mut self, person: PersonId) -> Result<Vec<Stamped<Appointment>>, Error> {
        let rows = run!(
            &mut self.conn,
            ROLES,
            [person],
            fetch_all as Sealed<Appointment>
        )?;
        self.open_all(rows)
    }

    /// Staff who are invited or active, by name.
    pub async fn staff(&mut self) -> Result<Vec<Stamped<Person>>, Error> {
        let rows = run!(&mut self.conn, STAFF, [], fetch_all as Sealed<Person>)?;
        self.open_all(rows)
    }

    /// All roles of all staff who are not removed.
    pub async fn staff_roles(&mut self) -> Result<Vec<Stamped<Appointment>>, Error> {
        let rows = run!(
            &mut self.conn,
            STAFF_ROLES,
            [],
            fetch_all as Sealed<Appointment>
        )?;
        self.open_all(rows)
    }

    /// A partner's people who are invited or active, by name.
    pub async fn contacts(&mut self, partner: PartnerId) -> Result<Vec<Stamped<Person>>, Error> {
        let rows = run!(
            &mut self.conn,
            CONTACTS,
            [partner],
            fetch_all as Sealed<Person>
        )?;
        self.open_all(rows)
    }
}

impl Work {
    pub async fn add_person(
        &mut self,
        person: Person,
        address: Address,
    ) -> Result<Stamped<Person>, Error> {
        let person = self.insert_sealed(person).await?;
        self.insert_sealed(address).await?;
        Ok(person)
    }

    pub async fn update_person(
        &mut self,
        person: Person,
        read_at: i64,
    ) -> Result<Stamped<Person>, Error> {
        self.update_sealed(person, read_at).await
    }

    pub async fn update_address(
        &mut self,
        address: Address,
        read_at: i64,
    ) -> Result<Stamped<Address>, Error> {
        self.update_sealed(address, read_at).await
    }

    pub async fn appoint(
        &mut self,
        appointment: Appointment,
    ) -> Result<Stamped<Appointment>, Error> {
        self.insert_sealed(appointment).await
    }

    /// Takes a role away; the audit log keeps that it was held.
    pub async fn dismiss(&mut self, appointment: RoleId) -> Result<(), Error> {
        run!(&mut self.read.conn, DISMISS, [appointment], execute)?;
        Ok(())
    }
}

statements! {
    PERSON(1) = "SELECT * FROM person WHERE id = $1";
    ADDRESS(1) = "SELECT * FROM address WHERE id = $1";
    ADDRESS_OF(1) = "SELECT * FROM address WHERE mailbox = $1";
    ROLES(1) = "SELECT * FROM role WHERE person_id = $1 ORDER BY role";
    STAFF(0) = "SELECT * FROM person WHERE kind = 'staff' AND state <> 'removed' ORDER BY name, id";
    STAFF_ROLES(0) = "SELECT role.* FROM role JOIN person ON person.id = role.person_id WHERE person.kind = 'staff' AND person.state <> 'removed' ORDER BY role.role";
    CONTACTS(1) = "SELECT * FROM person WHERE partner_id = $1 AND state <> 'removed' ORDER BY name, id";
    DISMISS(1) = "DELETE FROM role WHERE id = $1";
}
