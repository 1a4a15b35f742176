//! Places in a feed or a list as the caller keeps them: opaque, and marked as ours.
//!
//! A mark binds a place to the ledger and to what was asked, so that garbage, another agency's
//! cursor and a page of another question are refused instead of answered with something else.

use descargo_evidence::{CodeSecret, codes_equal};
use descargo_ledger::feed::FeedPlace;
use descargo_ledger::list::ListPlace;

/// Parts of a cursor: verdict, license, movement, how many events of the movement were told.
const CURSOR_PARTS: usize = 4;

/// Where a watcher of the feed goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Cursor {
    pub at: FeedPlace,
    /// Events of the movement at this place that were told already.
    pub told: u32,
}

impl Cursor {
    /// The cursor as the caller keeps it.
    pub fn text(self, secret: &CodeSecret, bound_to: &[&str]) -> String {
        let FeedPlace { verdict_no, license_id, permit_seq } = self.at;
        let place = format!("{verdict_no:x}.{license_id:x}.{permit_seq:x}.{:x}", self.told);
        marked(secret, bound_to, &place)
    }

    /// The cursor that we gave as `text`; the first one when it is empty.
    pub fn read(text: &str, secret: &CodeSecret, bound_to: &[&str]) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::default());
        }
        let numbers = unmarked(secret, bound_to, text)?
            .split('.')
            .map(|part| i64::from_str_radix(part, 16).ok())
            .collect::<Option<Vec<_>>>()?;
        let numbers: [i64; CURSOR_PARTS] = numbers.try_into().ok()?;
        let [verdict_no, license_id, permit_seq, told] = numbers;
        let at = FeedPlace { verdict_no, license_id, permit_seq };
        Some(Self { at, told: u32::try_from(told).ok()? })
    }
}

/// A page token for a place among licenses.
pub(crate) fn list_token(secret: &CodeSecret, bound_to: &[&str], place: &ListPlace) -> String {
    let parts = [&place.agency, &place.permit_key, &place.lookup_number];
    // In hexadecimal, since a number may have any sign in it.
    let texts =
        parts.map(|part| part.bytes().map(|byte| format!("{byte:02x}")).collect::<String>());
    marked(secret, bound_to, &texts.join("."))
}

/// The place of a page token that we gave for the same question.
pub(crate) fn list_place(secret: &CodeSecret, bound_to: &[&str], text: &str) -> Option<ListPlace> {
    let parts =
        unmarked(secret, bound_to, text)?.split('.').map(from_hex).collect::<Option<Vec<_>>>()?;
    let [agency, permit_key, lookup_number]: [String; 3] = parts.try_into().ok()?;
    Some(ListPlace { agency, permit_key, lookup_number })
}

/// A page token for a number.
pub(crate) fn number_token(secret: &CodeSecret, bound_to: &[&str], number: u32) -> String {
    marked(secret, bound_to, &format!("{number:x}"))
}

/// The number of a page token that we gave for the same question.
pub(crate) fn number_of(secret: &CodeSecret, bound_to: &[&str], text: &str) -> Option<u32> {
    u32::from_str_radix(unmarked(secret, bound_to, text)?, 16).ok()
}

fn marked(secret: &CodeSecret, bound_to: &[&str], place: &str) -> String {
    format!("{place}-{}", secret.place_mark(bound_to, place))
}

fn unmarked<'a>(secret: &CodeSecret, bound_to: &[&str], text: &'a str) -> Option<&'a str> {
    let (place, mark) = text.rsplit_once('-')?;
    codes_equal(&secret.place_mark(bound_to, place), mark).then_some(place)
}

fn from_hex(text: &str) -> Option<String> {
    let bytes = text
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect::<Option<Vec<_>>>()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> CodeSecret {
        CodeSecret::new(&[7; 32]).unwrap()
    }

    #[test]
    fn a_cursor_is_read_back_and_only_for_whom_it_was_given() {
        let at = FeedPlace { verdict_no: 901, license_id: 12, permit_seq: 7 };
        let cursor = Cursor { at, told: 2 };
        let text = cursor.text(&secret(), &["feed", "SE"]);
        assert_eq!(Cursor::read(&text, &secret(), &["feed", "SE"]), Some(cursor));
        assert_eq!(Cursor::read(&text, &secret(), &["feed", "SENER"]), None);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            let other = String::from_utf8(bytes).unwrap();
            assert_eq!(Cursor::read(&other, &secret(), &["feed", "SE"]), None, "{other}");
        }
        assert_eq!(Cursor::read("", &secret(), &["feed", "SE"]), Some(Cursor::default()));
        assert_eq!(Cursor::read("-", &secret(), &["feed", "SE"]), None);
    }

    #[test]
    fn a_page_token_holds_any_number_and_only_for_its_question() {
        let place = ListPlace {
            agency: "SE".into(),
            permit_key: "C1".into(),
            lookup_number: "Ñ-7./&".into(),
        };
        let token = list_token(&secret(), &["list", "se", ""], &place);
        assert_eq!(list_place(&secret(), &["list", "se", ""], &token), Some(place));
        assert_eq!(list_place(&secret(), &["list", "se", "status = ACTIVE"], &token), None);
        assert_eq!(list_place(&secret(), &["list", "auditor", ""], &token), None);
        let token = number_token(&secret(), &["versions"], 77);
        assert_eq!(number_of(&secret(), &["versions"], &token), Some(77));
    }
}
