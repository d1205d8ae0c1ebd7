//! The encoding that SSH uses everywhere (RFC 4251, section 5).

/// Reads a buffer from its front; nothing where it is too short.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    pub(super) fn number(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.bytes(length)
    }

    /// Reads a list of names with commas between.
    pub(super) fn names(&mut self) -> Option<Vec<&'a str>> {
        let text = str::from_utf8(self.string()?).ok()?;
        Some(text.split(',').filter(|name| !name.is_empty()).collect())
    }

    /// Reads a positive number of any length, and returns it without the zero that keeps it
    /// positive. A number that could have been written shorter is none.
    pub(super) fn positive(&mut self) -> Option<&'a [u8]> {
        match self.string()? {
            [] | [0] => None,
            [0, rest @ ..] => (rest[0] >= 0x80).then_some(rest),
            plain => (plain[0] < 0x80).then_some(plain),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Writes a string with its length.
pub(super) fn put_string(into: &mut Vec<u8>, string: &[u8]) {
    let length = u32::try_from(string.len()).unwrap_or(u32::MAX);
    into.extend(length.to_be_bytes());
    into.extend(string);
}

/// Writes a positive number, its most significant byte first, in the shortest way.
pub(super) fn put_positive(into: &mut Vec<u8>, number: &[u8]) {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let mut short = number[zeros..].to_vec();
    if short.first().is_some_and(|first| *first >= 0x80) {
        short.insert(0, 0);
    }
    put_string(into, &short);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 4251, section 5.
    #[test]
    fn numbers_are_written_as_the_rfc_shows() {
        for (number, written) in [
            (&[][..], &[0, 0, 0, 0][..]),
            (&[0, 0], &[0, 0, 0, 0]),
            (&[0x80], &[0, 0, 0, 2, 0, 0x80]),
            (&[0, 0x7f], &[0, 0, 0, 1, 0x7f]),
            (
                &[0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7],
                &[0, 0, 0, 8, 0x09, 0xa3, 0x78, 0xf9, 0xb2, 0xe3, 0x32, 0xa7],
            ),
        ] {
            let mut into = Vec::new();
            put_positive(&mut into, number);
            assert_eq!(into, written);
        }
    }

    #[test]
    fn numbers_are_read_in_their_shortest_form_only() {
        let read = |bytes: &'static [u8]| Reader(bytes).positive();
        assert_eq!(read(&[0, 0, 0, 2, 0, 0x80]), Some(&[0x80][..]));
        assert_eq!(read(&[0, 0, 0, 1, 0x7f]), Some(&[0x7f][..]));
        for wrong in [
            &[0, 0, 0, 0][..],
            &[0, 0, 0, 1, 0],
            &[0, 0, 0, 2, 0, 0x7f],
            &[0, 0, 0, 1, 0x80],
            &[0, 0, 0, 2, 0x7f],
            &[0, 0, 0],
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_is_too_short_is_nothing() {
        assert_eq!(Reader(&[0, 0, 0, 9, b'x']).string(), None);
        assert_eq!(Reader(&[255, 255, 255, 255, b'x']).string(), None);
        assert_eq!(
            Reader(&[0, 0, 0, 3, b'a', b',', b'b']).names(),
            Some(vec!["a", "b"])
        );
        assert_eq!(Reader(&[0, 0, 0, 0]).names(), Some(vec![]));
    }
}
