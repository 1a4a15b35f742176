//! Names in certificates as SAT writes them.
//!
//! SAT puts texts where X.520 wants a BIT STRING, `&` and Ñ into PrintableString, and Latin-1 into
//! T61String. A strict reader would refuse half of the country's companies, so the charset of a
//! string type is not enforced. Nothing is compared by these texts but an RFC, whose alphabet is
//! checked where it is read.

use x509_parser::asn1_rs::Tag;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// 2.5.4.3, commonName.
pub(crate) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 2.5.4.5, serialNumber: SAT's CURP.
pub(crate) const SERIAL_NUMBER: &[u8] = &[0x55, 0x04, 0x05];
/// 2.5.4.10, organizationName.
pub(crate) const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0A];
/// 2.5.4.11, organizationalUnitName: only invoice seals have one.
pub(crate) const ORGANIZATIONAL_UNIT: &[u8] = &[0x55, 0x04, 0x0B];
/// 2.5.4.41, name.
pub(crate) const NAME: &[u8] = &[0x55, 0x04, 0x29];
/// 2.5.4.45, x500UniqueIdentifier: SAT's RFC.
pub(crate) const UNIQUE_IDENTIFIER: &[u8] = &[0x55, 0x04, 0x2D];

/// Names end up in findings; a longer one is cut there.
const SHOWN_CHARACTERS_MAX: usize = 128;

/// The values of one attribute, in order. A value that is no text is `None`.
pub(crate) fn values(name: &X509Name<'_>, oid: &[u8]) -> Vec<Option<String>> {
    name.iter_attributes()
        .filter(|attribute| attribute.attr_type().as_bytes() == oid)
        .map(text)
        .collect()
}

/// The first readable, non-empty value among `oids`.
pub(crate) fn first_of(name: &X509Name<'_>, oids: &[&[u8]]) -> Option<String> {
    oids.iter().flat_map(|oid| values(name, oid)).flatten().find(|value| !value.is_empty())
}

/// How a name is shown to people.
pub(crate) fn shown(name: &X509Name<'_>) -> String {
    let text = first_of(name, &[COMMON_NAME, NAME, ORGANIZATION]).unwrap_or_default();
    text.chars().filter(|c| !c.is_control()).take(SHOWN_CHARACTERS_MAX).collect()
}

fn text(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let value = attribute.attr_value();
    decoded(value.tag(), value.data).map(|text| text.trim().to_owned())
}

fn decoded(tag: Tag, bytes: &[u8]) -> Option<String> {
    match tag {
        Tag::Utf8String => std::str::from_utf8(bytes).ok().map(str::to_owned),
        Tag::BmpString => utf16(bytes),
        // UTF-8 first: a lone Latin-1 letter is never valid UTF-8, so the two cannot be confused.
        Tag::PrintableString | Tag::Ia5String | Tag::T61String | Tag::NumericString => {
            Some(match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => bytes.iter().copied().map(char::from).collect(),
            })
        }
        _ => None,
    }
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    char::decode_utf16(pairs.iter().copied().map(u16::from_be_bytes)).collect::<Result<_, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_string_type_keeps_enye_and_ampersand() {
        let expected = Some("Ñ&A".to_owned());
        assert_eq!(decoded(Tag::Utf8String, "Ñ&A".as_bytes()), expected);
        assert_eq!(decoded(Tag::PrintableString, "Ñ&A".as_bytes()), expected);
        assert_eq!(decoded(Tag::PrintableString, &[0xD1, b'&', b'A']), expected);
        assert_eq!(decoded(Tag::T61String, &[0xD1, b'&', b'A']), expected);
        assert_eq!(decoded(Tag::BmpString, &[0, 0xD1, 0, b'&', 0, b'A']), expected);
    }

    #[test]
    fn what_is_no_text_is_none() {
        assert_eq!(decoded(Tag::BitString, &[0, b'A']), None);
        assert_eq!(decoded(Tag::Utf8String, &[0xD1, b'A']), None);
        assert_eq!(decoded(Tag::BmpString, &[0, b'A', 0]), None);
        assert_eq!(decoded(Tag::BmpString, &[0xD8, 0x00]), None);
    }
}
