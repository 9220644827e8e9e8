//! Request targets.

use domain::service::RequestPath;

use crate::naive::{decoded, encoded};

/// The input is a request target.
pub fn path(data: &[u8]) {
    let Ok(target) = str::from_utf8(data) else {
        return;
    };
    let read = RequestPath::parse(target);
    let segments = unambiguous(target);
    assert_eq!(
        read.as_ref().ok().map(RequestPath::segments),
        segments
            .as_ref()
            .map(|segments| segments
                .iter()
                .map(|s| s.as_str().into())
                .collect::<Vec<_>>())
            .as_deref(),
        "{target:?}"
    );
    let Ok(read) = read else { return };
    // One way to write it, which reads as itself.
    let written: String = read
        .segments()
        .iter()
        .map(|s| format!("/{}", encoded(s)))
        .collect();
    // Encoding makes a segment three times as long at most.
    if written.len() <= 8192 {
        let again = RequestPath::parse(&written);
        assert_eq!(again.as_ref(), Ok(&read), "{target:?} as {written:?}");
    }
    // A query changes nothing, whatever is in it.
    let path = target.split('?').next().unwrap_or_default();
    if path.len() + 6 <= 8192 {
        let queried = format!("{path}?/../x");
        assert_eq!(RequestPath::parse(&queried).as_ref(), Ok(&read));
    }
}

/// The segments of a target whose path reads the same however often it is decoded, before or after
/// it is split, and whichever of the usual readers does it. Empty segments stand at the end alone.
fn unambiguous(target: &str) -> Option<Vec<String>> {
    let path = target.split('?').next()?;
    let odd = |c: char| c.is_ascii_control() || !c.is_ascii() || " \"<>[]^`{|}\\;".contains(c);
    if target.len() > 8192
        || target.contains('#')
        || !path.starts_with('/')
        || path.contains("//")
        || path.contains(odd)
    {
        return None;
    }
    // Decoded before it is split, it is what it is when it is decoded after.
    let early = String::from_utf8(decoded(path)?).ok()?;
    let late = path.split('/').map(decoded).collect::<Option<Vec<_>>>()?;
    let early: Vec<String> = early.split('/').skip(1).map(str::to_owned).collect();
    let late: Vec<String> = late
        .into_iter()
        .skip(1)
        .map(|segment| String::from_utf8(segment).ok())
        .collect::<Option<_>>()?;
    // Neither decodes any further, nor has what a reader would take for syntax that was not.
    let raw: Vec<&str> = path.split('/').skip(1).collect();
    let plain = late.iter().zip(raw).all(|(segment, raw)| {
        let dots = |text: &str| text.matches('.').count();
        segment != "."
            && segment != ".."
            && !segment.contains(['%', '\\', ';', '?', '#'])
            && !segment.contains(char::is_control)
            && dots(segment) == dots(raw)
    });
    (early == late && plain).then_some(late)
}
