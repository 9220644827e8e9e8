//! Where an island's ceremony stands, and the button that starts it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::part::{Part, Root};

/// The browser's side of a [`act_button`](super::body::act_button) and its refusal, by the button's
/// part.
#[derive(Clone)]
pub(super) struct Progress(Rc<Parts>);

struct Parts {
    button: Part,
    /// For screen readers: what is going on.
    doing: Part,
    refused: Part,
    why: Part,
    /// What must not change meanwhile.
    fields: Vec<Part>,
    label: RefCell<String>,
    busy: Cell<bool>,
}

impl Progress {
    /// The button can be pressed from now on: the module is there.
    pub(super) fn at(root: &Root, part: &str, label: &str) -> Self {
        Self::with_fields(root, part, label, Vec::new())
    }

    pub(super) fn with_fields(root: &Root, part: &str, label: &str, fields: Vec<Part>) -> Self {
        let progress = Self(Rc::new(Parts {
            button: root.part(part),
            doing: root.part(&format!("{part}-doing")),
            refused: root.part(&format!("{part}-refused")),
            why: root.part(&format!("{part}-why")),
            fields,
            label: RefCell::new(label.to_owned()),
            busy: Cell::new(false),
        }));
        progress.ready();
        progress
    }

    pub(super) fn on_press(&self, act: impl Fn() + 'static) {
        let progress = self.clone();
        self.0.button.on("click", move |_| {
            if progress.is_free() {
                act();
            }
        });
    }

    /// What the button says when nothing is going on.
    pub(super) fn relabel(&self, label: &str) {
        label.clone_into(&mut self.0.label.borrow_mut());
    }

    /// What is going on, as the button says it.
    pub(super) fn busy(&self, doing: &str) {
        self.0.refused.show(false);
        self.set(true, doing);
        self.0.button.say(doing);
    }

    pub(super) fn ready(&self) {
        self.0.refused.show(false);
        self.set(false, "");
        self.0.button.say(&self.0.label.borrow());
    }

    /// Why it did not work; it can be pressed again. The focus comes back to the button: a disabled
    /// one has lost it.
    pub(super) fn refuse(&self, why: impl ToString) {
        self.ready();
        self.0.why.say(&why.to_string());
        self.0.refused.show(true);
        self.0.button.focus();
    }

    /// Whether something may be started.
    pub(super) fn is_free(&self) -> bool {
        !self.0.busy.get()
    }

    fn set(&self, busy: bool, doing: &str) {
        self.0.busy.set(busy);
        self.0.doing.say(doing);
        self.0.button.enable(!busy);
        for field in &self.0.fields {
            field.enable(!busy);
        }
    }
}
