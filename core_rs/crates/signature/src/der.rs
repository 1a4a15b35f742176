//! A strict reader of DER: definite lengths in their shortest form, and nothing left over.
//!
//! It reads the few structures whose every byte decides something: keys, signature algorithms and
//! the outermost shape of a certificate.

/// Why bytes are not the DER that was expected.
pub(crate) type DerFault = &'static str;

const UNUSED_BITS_NONE: u8 = 0;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
/// The one encoding of NULL, tag and length.
pub(crate) const NULL: [u8; 2] = [0x05, 0x00];

/// What is still to be read.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// The content of the next element, which must carry `tag`.
    pub(crate) fn content(&mut self, tag: u8) -> Result<&'a [u8], DerFault> {
        let (&found, after_tag) = self.rest.split_first().ok_or("truncated")?;
        if found != tag {
            return Err("unexpected element");
        }
        let (length, after_length) = length(after_tag)?;
        let (content, rest) = after_length.split_at_checked(length).ok_or("truncated")?;
        self.rest = rest;
        Ok(content)
    }

    /// The next element whole, tag and length included.
    pub(crate) fn whole(&mut self, tag: u8) -> Result<&'a [u8], DerFault> {
        let before = self.rest;
        self.content(tag)?;
        let length = before.len().checked_sub(self.rest.len()).ok_or("truncated")?;
        before.get(..length).ok_or("truncated")
    }

    /// A positive INTEGER as big-endian bytes without leading zeros.
    pub(crate) fn positive_integer(&mut self) -> Result<&'a [u8], DerFault> {
        match self.content(INTEGER)? {
            [] => Err("empty integer"),
            [0, magnitude @ ..] => match magnitude.first() {
                Some(first) if *first >= 0x80 => Ok(magnitude),
                _ => Err("integer not in its shortest form, or zero"),
            },
            [first, ..] if *first >= 0x80 => Err("negative integer"),
            magnitude => Ok(magnitude),
        }
    }

    /// A BIT STRING of whole bytes.
    pub(crate) fn octets_of_bit_string(&mut self) -> Result<&'a [u8], DerFault> {
        match self.content(BIT_STRING)?.split_first() {
            Some((&UNUSED_BITS_NONE, octets)) => Ok(octets),
            Some(_) => Err("bit string with unused bits"),
            None => Err("empty bit string"),
        }
    }

    /// Everything that is left.
    pub(crate) fn remainder(self) -> &'a [u8] {
        self.rest
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<(), DerFault> {
        if self.rest.is_empty() { Ok(()) } else { Err("trailing bytes") }
    }
}

/// Two length bytes reach 64 KiB, more than any certificate we read.
fn length(bytes: &[u8]) -> Result<(usize, &[u8]), DerFault> {
    match bytes {
        [short, rest @ ..] if *short < 0x80 => Ok((usize::from(*short), rest)),
        [0x81, long, rest @ ..] if *long >= 0x80 => Ok((usize::from(*long), rest)),
        [0x82, high, low, rest @ ..] if *high > 0 => {
            Ok((usize::from(u16::from_be_bytes([*high, *low])), rest))
        }
        [0x81, ..] | [0x82, ..] => Err("truncated, or length not in its shortest form"),
        [] => Err("truncated"),
        _ => Err("length is indefinite or too long"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_in_their_shortest_form_only() {
        assert_eq!(Reader::new(&[0x30, 0x01, 0xAA]).content(SEQUENCE), Ok(&[0xAA][..]));
        for refused in [
            &[0x30, 0x81, 0x01, 0xAA][..],
            &[0x30, 0x82, 0x00, 0x01, 0xAA],
            &[0x30, 0x80, 0x00, 0x00],
            &[0x30, 0x02, 0xAA],
            &[0x30],
            &[0x31, 0x01, 0xAA],
            &[],
        ] {
            assert!(Reader::new(refused).content(SEQUENCE).is_err(), "{refused:02x?}");
        }
    }

    #[test]
    fn integers_are_positive_and_shortest() {
        assert_eq!(Reader::new(&[2, 2, 0, 0x80]).positive_integer(), Ok(&[0x80][..]));
        assert_eq!(Reader::new(&[2, 1, 0x7F]).positive_integer(), Ok(&[0x7F][..]));
        for refused in [&[2, 0][..], &[2, 1, 0], &[2, 2, 0, 0x7F], &[2, 1, 0x80]] {
            assert!(Reader::new(refused).positive_integer().is_err(), "{refused:02x?}");
        }
    }

    #[test]
    fn bit_strings_are_whole_bytes_and_nothing_is_left_over() {
        assert_eq!(Reader::new(&[3, 2, 0, 7]).octets_of_bit_string(), Ok(&[7][..]));
        assert!(Reader::new(&[3, 2, 1, 6]).octets_of_bit_string().is_err());
        assert!(Reader::new(&[3, 0]).octets_of_bit_string().is_err());
        assert_eq!(Reader::new(&[0]).finish(), Err("trailing bytes"));
    }
}
