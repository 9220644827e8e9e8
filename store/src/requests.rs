//! Access requests, their immutable revisions, and what reviewers said of them.

use domain::enc::Digest;
use domain::id::{PartnerId, PersonId, RequestId, ReviewId, RevisionId, ServiceId};
use domain::request::RequestState;
use domain::review::{Section, Verdict};
use domain::time::Timestamp;

use crate::column::Code;
use crate::conn::Read;
use crate::error::Error;
use crate::row::{Sealed, Stamped, row};
use crate::sql::{json, run, statements};
use crate::work::Work;

row! {
    /// A partner's application, with the draft of its next revision.
    struct AccessRequest in "access_request" {
        id: RequestId,
        partner_id: PartnerId,
        service_id: ServiceId,
        requester_id: PersonId,
        state: Code<RequestState>,
        draft: String,
        draft_version: i64,
        revisions: i64,
        created_at: Timestamp,
        updated_at: Timestamp,
        submitted_at: Option<Timestamp>,
    }
}

row! {
    /// What was handed in, word for word.
    sealed struct Revision in "revision" {
        id: RevisionId,
        request_id: RequestId,
        number: i64,
        document: String,
        digest: Digest,
        submitted_by: PersonId,
        submitted_at: Timestamp,
    }
}

row! {
    /// A verdict on one section of one revision, or only a comment on it.
    struct Review in "review" {
        id: ReviewId,
        request_id: RequestId,
        revision_id: RevisionId,
        section: Code<Section>,
        verdict: Option<Code<Verdict>>,
        comment: String,
        person_id: PersonId,
        at: Timestamp,
    }
}

row! {
    /// A reviewer who steps back from a request.
    struct Recusal in "recusal" {
        id: ReviewId,
        request_id: RequestId,
        person_id: PersonId,
        reason: String,
        at: Timestamp,
    }
}

/// One line of the queue.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct QueueLine {
    #[sqlx(flatten)]
    pub request: AccessRequest,
    pub partner_name: String,
    pub service_name: String,
}

/// So many requests of one state are counted; that there are more is all that is said beyond it.
pub const COUNTED: i64 = 1_000;

/// The order of the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QueueSort {
    /// The newest submission first: the order of an index.
    #[default]
    Newest,
    Oldest,
    Partner,
    State,
}

impl QueueSort {
    const fn column(self) -> &'static str {
        match self {
            Self::Newest | Self::Oldest => "",
            Self::Partner => "partner",
            Self::State => "state",
        }
    }
}

/// What the queue shows. Empty texts do not filter.
#[derive(Clone, Debug, Default)]
pub struct QueueFilter {
    /// A state's code, or empty.
    pub state: String,
    /// Part of a partner's or service's name, in any case.
    pub search: String,
    pub sort: QueueSort,
    pub limit: i64,
    pub offset: i64,
}

impl Read {
    pub async fn request(&mut self, id: RequestId) -> Result<Option<AccessRequest>, Error> {
        Ok(run!(
            &mut self.conn,
            REQUEST,
            [id],
            fetch_optional as AccessRequest
        )?)
    }

    /// A partner's requests, the most recently touched first.
    pub async fn requests_of(
        &mut self,
        partner: PartnerId,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<AccessRequest>, Error> {
        Ok(run!(
            &mut self.conn,
            REQUESTS_OF,
            [partner, limit, offset],
            fetch_all as AccessRequest
        )?)
    }

    /// Requests that were handed in at least once.
    pub async fn queue(&mut self, filter: &QueueFilter) -> Result<Vec<QueueLine>, Error> {
        let search = contains(&filter.search);
        let state = filter.state.as_str();
        // Most looks at the queue are of this kind, and read no more than the page they show.
        if filter.sort == QueueSort::Newest && filter.search.is_empty() {
            return Ok(run!(
                &mut self.conn,
                QUEUE,
                [state, filter.limit, filter.offset],
                fetch_all as QueueLine
            )?);
        }
        if filter.sort == QueueSort::Newest {
            return Ok(run!(
                &mut self.conn,
                QUEUE_FOUND,
                [state, search, filter.limit, filter.offset],
                fetch_all as QueueLine
            )?);
        }
        let column = filter.sort.column();
        Ok(run!(
            &mut self.conn,
            QUEUE_SORTED,
            [state, search, filter.limit, filter.offset, column],
            fetch_all as QueueLine
        )?)
    }

    /// How many requests that were handed in are in each state: at most one more than [`COUNTED`].
    pub async fn queue_counts(&mut self) -> Result<Vec<(String, i64)>, Error> {
        let states = json(RequestState::ALL)?;
        Ok(run!(
            &mut self.conn,
            QUEUE_COUNTS,
            [states, COUNTED + 1],
            fetch_all as (String, i64)
        )?)
    }

    pub async fn revision(&mut self, id: RevisionId) -> Result<Option<Stamped<Revision>>, Error> {
        let row = run!(
            &mut self.conn,
            REVISION,
            [id],
            fetch_optional as Sealed<Revision>
        )?;
        row.map(|row| row.open(&self.row_key)).transpose()
    }

    /// Every revision, the first one first.
    pub async fn revisions(&mut self, request: RequestId) -> Result<Vec<Stamped<Revision>>, Error> {
        let rows = run!(
            &mut self.conn,
            REVISIONS,
            [request],
            fetch_all as Sealed<Revision>
        )?;
        self.open_all(rows)
    }

    /// All verdicts and comments on all revisions, oldest first.
    pub async fn reviews(&mut self, request: RequestId) -> Result<Vec<Review>, Error> {
        Ok(run!(
            &mut self.conn,
            REVIEWS,
            [request],
            fetch_all as Review
        )?)
    }

    pub async fn recusals(&mut self, request: RequestId) -> Result<Vec<Recusal>, Error> {
        Ok(run!(
            &mut self.conn,
            RECUSALS,
            [request],
            fetch_all as Recusal
        )?)
    }
}

impl Work {
    pub async fn add_request(&mut self, request: &AccessRequest) -> Result<(), Error> {
        self.insert(request).await
    }

    pub async fn update_request(&mut self, request: &AccessRequest) -> Result<(), Error> {
        self.update(request).await
    }

    /// Stores a draft over version `before`; false if another window stored one since, and nothing
    /// of either is lost.
    pub async fn save_draft(
        &mut self,
        id: RequestId,
        before: i64,
        draft: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let next = before.saturating_add(1);
        Ok(run!(
            &mut self.read.conn,
            SAVE_DRAFT,
            [id, before, next, draft, now],
            execute
        )? == 1)
    }

    pub async fn add_revision(&mut self, revision: Revision) -> Result<Stamped<Revision>, Error> {
        self.insert_sealed(revision).await
    }

    pub async fn add_review(&mut self, review: &Review) -> Result<(), Error> {
        self.insert(review).await
    }

    pub async fn add_recusal(&mut self, recusal: &Recusal) -> Result<(), Error> {
        self.insert(recusal).await
    }
}

/// A LIKE pattern for "contains", in lower case, with the wildcards taken literally.
pub(crate) fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

statements! {
    REQUEST(1) = "SELECT * FROM access_request WHERE id = $1";
    REQUESTS_OF(3) = "SELECT * FROM access_request WHERE partner_id = $1 ORDER BY updated_at DESC, id LIMIT $2 OFFSET $3";
    QUEUE(3) = r"SELECT queue.*, partner.name AS partner_name, service.name AS service_name
        FROM (SELECT * FROM access_request WHERE submitted_at IS NOT NULL AND ($1 = '' OR state = $1)
            ORDER BY submitted_at DESC, id LIMIT $2 OFFSET $3) AS queue
        JOIN partner ON partner.id = queue.partner_id
        JOIN service ON service.id = queue.service_id
        ORDER BY queue.submitted_at DESC, queue.id";
    QUEUE_FOUND(4) = r"SELECT access_request.*, partner.name AS partner_name, service.name AS service_name
        FROM access_request
        JOIN partner ON partner.id = access_request.partner_id
        JOIN service ON service.id = access_request.service_id
        LEFT JOIN person ON person.id = access_request.requester_id
        LEFT JOIN address ON address.id = access_request.requester_id
        WHERE access_request.submitted_at IS NOT NULL
          AND ($1 = '' OR access_request.state = $1)
          AND (LOWER(partner.name) LIKE $2 ESCAPE '\' OR LOWER(service.name) LIKE $2 ESCAPE '\'
            OR LOWER(person.name) LIKE $2 ESCAPE '\' OR LOWER(address.email) LIKE $2 ESCAPE '\')
        ORDER BY access_request.submitted_at DESC, access_request.id LIMIT $3 OFFSET $4";
    QUEUE_SORTED(5) = r"SELECT access_request.*, partner.name AS partner_name, service.name AS service_name
        FROM access_request
        JOIN partner ON partner.id = access_request.partner_id
        JOIN service ON service.id = access_request.service_id
        LEFT JOIN person ON person.id = access_request.requester_id
        LEFT JOIN address ON address.id = access_request.requester_id
        WHERE access_request.submitted_at IS NOT NULL
          AND ($1 = '' OR access_request.state = $1)
          AND (LOWER(partner.name) LIKE $2 ESCAPE '\' OR LOWER(service.name) LIKE $2 ESCAPE '\'
            OR LOWER(person.name) LIKE $2 ESCAPE '\' OR LOWER(address.email) LIKE $2 ESCAPE '\')
        ORDER BY CASE $5 WHEN 'partner' THEN LOWER(partner.name) WHEN 'state' THEN access_request.state ELSE '' END,
            access_request.submitted_at, access_request.id LIMIT $3 OFFSET $4";
    // Of a state by equality PostgreSQL expects as many rows as of the commonest, and reads the whole
    // table for one that has none. Of a range it expects few, and reads the index.
    QUEUE_COUNTS(2) = sqlite "SELECT states.value AS state, (SELECT COUNT(*) FROM
            (SELECT 1 FROM access_request WHERE state = states.value AND submitted_at IS NOT NULL LIMIT $2) AS few) AS count
        FROM json_each($1) AS states",
        postgres "SELECT states.value AS state, (SELECT COUNT(*) FROM
            (SELECT 1 FROM access_request WHERE state BETWEEN states.value AND states.value AND submitted_at IS NOT NULL LIMIT $2) AS few) AS count
        FROM jsonb_array_elements_text($1::text::jsonb) AS states (value)";
    REVISION(1) = "SELECT * FROM revision WHERE id = $1";
    REVISIONS(1) = "SELECT * FROM revision WHERE request_id = $1 ORDER BY number";
    REVIEWS(1) = "SELECT * FROM review WHERE request_id = $1 ORDER BY at, id";
    RECUSALS(1) = "SELECT * FROM recusal WHERE request_id = $1 ORDER BY at, id";
    SAVE_DRAFT(5) = "UPDATE access_request SET draft = $4, draft_version = $3, updated_at = $5 WHERE id = $1 AND draft_version = $2 AND state IN ('draft', 'changes_asked')";
}
