//! Patterns of paths.

use domain::service::{PathPattern, RequestPath};

use crate::naive::encoded;

/// The input is two patterns and a request target, each on a line of its own.
pub fn pattern(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let mut lines = text.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let (a, b, target) = (next(), next(), next());
    let Ok(a) = a.parse::<PathPattern>() else {
        return;
    };
    is_sound(&a);
    let Ok(b) = b.parse::<PathPattern>() else {
        return;
    };
    is_sound(&b);
    assert_eq!(a.intersects(&b), b.intersects(&a), "{a} {b}");
    if a.covers(&b) {
        assert!(a.intersects(&b), "{a} covers {b}");
        assert!(a.matches(&read(&example(&b))), "{a} covers {b}");
    }
    if a.covers(&b) && b.covers(&a) {
        assert_eq!(shape(&a), shape(&b), "{a} {b}");
    }
    if let Ok(path) = RequestPath::parse(target) {
        let (by_a, by_b) = (a.matches(&path), b.matches(&path));
        assert_eq!(by_a, fits(&a, &path), "{a} {target:?}");
        assert_eq!(by_b, fits(&b, &path), "{b} {target:?}");
        assert!(!(by_a && by_b) || a.intersects(&b), "{a} {b} {target:?}");
        assert!(!(by_b && a.covers(&b)) || by_a, "{a} {b} {target:?}");
    }
}

fn is_sound(pattern: &PathPattern) {
    let text = pattern.to_string();
    assert_eq!(
        text.parse::<PathPattern>().as_ref(),
        Ok(pattern),
        "{text:?}"
    );
    assert_eq!(text.trim(), text);
    let path = example(pattern);
    assert!(pattern.matches(&read(&path)), "{pattern} opens {path}");
    assert!(
        pattern.covers(pattern) && pattern.intersects(pattern),
        "{pattern}"
    );
}

/// A path that it opens: a pattern that opens none would be a grant of nothing.
fn example(pattern: &PathPattern) -> String {
    let text = pattern.to_string();
    let segments = text.split('/').skip(1).map(|segment| match segment {
        parameter if parameter.starts_with('{') => "/x".to_owned(),
        literal => format!("/{}", encoded(literal)),
    });
    segments.collect()
}

#[expect(
    clippy::panic,
    reason = "a pattern whose path cannot be asked for is a finding"
)]
fn read(path: &str) -> RequestPath<'_> {
    match RequestPath::parse(path) {
        Ok(path) => path,
        Err(why) => panic!("{path}: {why}"),
    }
}

/// Without the names of its parameters.
fn shape(pattern: &PathPattern) -> String {
    let text = pattern.to_string();
    let segments = text.split('/').skip(1).map(|segment| match segment {
        rest if rest.ends_with("...}") => "/{...}".to_owned(),
        parameter if parameter.starts_with('{') => "/{}".to_owned(),
        literal => format!("/{literal}"),
    });
    segments.collect()
}

fn fits(pattern: &PathPattern, path: &RequestPath<'_>) -> bool {
    let text = pattern.to_string();
    let wanted: Vec<&str> = text.split('/').skip(1).collect();
    let parts = path.segments();
    let open = wanted.last().is_some_and(|last| last.ends_with("...}"));
    let long_enough = if open {
        parts.len() >= wanted.len()
    } else {
        parts.len() == wanted.len()
    };
    long_enough
        && wanted.iter().zip(parts).all(|(wanted, part)| {
            if wanted.starts_with('{') {
                !part.is_empty()
            } else {
                wanted == part
            }
        })
}
