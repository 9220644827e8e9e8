//! What was killed where, and what was found afterwards.

use std::collections::BTreeMap;

use tests::tally;

#[derive(Default)]
pub(crate) struct Report {
    points: BTreeMap<(String, String), usize>,
    random: BTreeMap<&'static str, usize>,
    cut_off: BTreeMap<(&'static str, String), usize>,
    repeated: usize,
}

impl Report {
    pub(crate) fn at_point(&mut self, point: &str, delivery: &str) {
        let at = (point.to_owned(), delivery.to_owned());
        *self.points.entry(at).or_default() += 1;
    }

    pub(crate) fn at_random(&mut self, portal: &'static str) {
        *self.random.entry(portal).or_default() += 1;
    }

    /// What one line was at when the portal was killed at random, and what came of it.
    pub(crate) fn cut_off(&mut self, step: &'static str, delivery: &str) {
        *self.cut_off.entry((step, delivery.to_owned())).or_default() += 1;
    }

    pub(crate) const fn repeated(&mut self, mails: usize) {
        self.repeated = mails;
    }

    /// Prints all of it, and puts the kills by state into the tally, which a green run shows too.
    pub(crate) fn print_and_count(&self) {
        println!("{:>5}  killed at, the delivery then", "kills");
        for ((point, delivery), kills) in &self.points {
            println!("{kills:>5}  {point}, {delivery}");
            tally::count(&format!("kills that found the delivery {delivery}"), *kills);
        }
        println!("{:>5}  killed at random while", "kills");
        for (portal, kills) in &self.random {
            println!("{kills:>5}  {portal}");
            tally::count(&format!("kills at random while {portal}"), *kills);
        }
        println!("{:>5}  cut off in, the delivery then", "lines");
        for ((step, delivery), lines) in &self.cut_off {
            println!("{lines:>5}  {step}, {delivery}");
        }
        println!("{:>5}  mails came twice, with the same link", self.repeated);
        let (points, random) = (
            self.points.values().sum(),
            self.random.values().sum::<usize>(),
        );
        tally::count("kills at fault points", points);
        tally::count("kills", points + random);
    }
}
