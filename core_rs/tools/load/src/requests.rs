//! Fresh requests from the corpus: each another declaration under another key.
//!
//! A request is a template, whose bytes the corpus states, with values of fixed length between them,
//! so that making one costs about a microsecond and all of a run are of one length.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;

/// Declarations of one broker license in a year: the serial has six digits and is not zero.
const SERIALS: u64 = 999_999;
/// Neighbours of a client are so far apart, so that a batch meets many licenses.
const STRIDE: u64 = 7_919;

/// What stands between two pieces of a template.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    RequestId,
    Declaration,
    /// The number of the next license.
    Number,
    /// The discharge signature of the license whose number was stated last.
    Firma,
}

/// Bytes in hexadecimal, and what follows them.
#[derive(Debug, Deserialize)]
struct Piece {
    bytes: String,
    then: Option<Place>,
}

/// The licenses that a validator accepted, and how a request is made of them.
#[derive(Debug, Deserialize)]
pub(crate) struct Corpus {
    licenses: Vec<(String, String)>,
    broker_licenses: Vec<String>,
    /// Of the declarations: its last two digits.
    year: u64,
    templates: BTreeMap<String, Vec<Piece>>,
}

impl Corpus {
    pub(crate) fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
    }
}

type Template = Arc<[(Vec<u8>, Option<Place>)]>;

/// The requests of one client, one after another.
pub(crate) struct Requests {
    licenses: Vec<(String, String)>,
    broker_licenses: Vec<String>,
    year: u64,
    templates: BTreeMap<String, Template>,
    client_no: u64,
    clients: u64,
    run: u64,
    made: u64,
    stated: u64,
}

impl Requests {
    /// `client_no` of `clients`: each uses other declaration numbers.
    pub(crate) fn new(corpus: Corpus, client_no: u64, clients: u64) -> Result<Self, String> {
        let mut templates = BTreeMap::new();
        for (kind, pieces) in corpus.templates {
            let read = |piece: Piece| Ok::<_, String>((bytes(&piece.bytes)?, piece.then));
            templates.insert(kind, pieces.into_iter().map(read).collect::<Result<_, _>>()?);
        }
        Ok(Self {
            licenses: corpus.licenses,
            broker_licenses: corpus.broker_licenses,
            year: corpus.year,
            templates,
            client_no,
            clients,
            run: run_no(),
            made: 0,
            stated: 0,
        })
    }

    /// The next request of a kind.
    pub(crate) fn next(&mut self, kind: &str, hot: bool) -> Result<Vec<u8>, String> {
        let template = self.templates.get(kind).ok_or_else(|| format!("no template `{kind}`"))?;
        let template = Arc::clone(template);
        let position = self.made;
        self.made = self.made.saturating_add(1);
        let mut request = Vec::new();
        let mut license = 0;
        for (bytes, place) in template.iter() {
            request.extend_from_slice(bytes);
            match place {
                None => {}
                Some(Place::RequestId) => request.extend(self.request_id(position).into_bytes()),
                Some(Place::Declaration) => {
                    request.extend(self.declaration(position)?.into_bytes());
                }
                Some(Place::Number) => {
                    license = if hot { 0 } else { self.next_license()? };
                    request.extend_from_slice(self.license(license)?.0.as_bytes());
                }
                Some(Place::Firma) => {
                    request.extend_from_slice(self.license(license)?.1.as_bytes());
                }
            }
        }
        Ok(request)
    }

    fn next_license(&mut self) -> Result<u64, String> {
        let place = self.stated.wrapping_mul(STRIDE).wrapping_add(self.client_no);
        self.stated = self.stated.wrapping_add(1);
        let count = u64::try_from(self.licenses.len()).unwrap_or(u64::MAX);
        place.checked_rem(count).ok_or_else(|| "a corpus without licenses".into())
    }

    fn license(&self, place: u64) -> Result<&(String, String), String> {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        self.licenses.get(place).ok_or_else(|| "a corpus without licenses".into())
    }

    fn request_id(&self, position: u64) -> String {
        let run = format!("{:016x}", self.run);
        let (first, rest) = run.split_at(8);
        let (second, third) = rest.split_at(4);
        let client = self.client_no % 1_000;
        format!("{first}-{second}-4{}-8{client:03}-{position:012x}", &third[1..])
    }

    fn declaration(&self, position: u64) -> Result<String, String> {
        let (turn, serial) = (position / SERIALS, position % SERIALS);
        let place = turn.saturating_mul(self.clients).saturating_add(self.client_no);
        let broker = usize::try_from(place)
            .ok()
            .and_then(|place| self.broker_licenses.get(place))
            .ok_or("the broker licenses have no declarations left")?;
        let (year, serial) = (self.year, serial.saturating_add(1));
        Ok(format!("{year:02}24{broker}{}{serial:06}", year % 10))
    }
}

/// Another number in each run, so that no run repeats the keys of one before.
fn run_no() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

fn bytes(hexadecimal: &str) -> Result<Vec<u8>, String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = hexadecimal.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err("half a byte in a template".into());
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)?.wrapping_shl(4) | digit(*low)?))
        .collect::<Option<_>>()
        .ok_or_else(|| "a template that is not hexadecimal".into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const CORPUS: &str = r#"{
        "licenses": [["N0", "F0"], ["N1", "F1"], ["N2", "F2"]],
        "broker_licenses": ["3456", "1234"], "year": 26,
        "templates": {"two": [
            {"bytes": "3c", "then": "request_id"}, {"bytes": "7c", "then": "declaration"},
            {"bytes": "7c", "then": "number"}, {"bytes": "7c", "then": "firma"},
            {"bytes": "7C", "then": "number"}, {"bytes": "", "then": "firma"}, {"bytes": "3e"}
        ]}
    }"#;

    fn some(client_no: u64, hot: bool) -> Vec<String> {
        let corpus = serde_json::from_str(CORPUS).unwrap();
        let mut requests = Requests::new(corpus, client_no, 2).unwrap();
        let mut next = || String::from_utf8(requests.next("two", hot).unwrap()).unwrap();
        (0..20).map(|_| next()).collect()
    }

    #[test]
    fn each_request_has_its_own_key_and_declaration() {
        let all: Vec<String> = some(0, false).into_iter().chain(some(1, false)).collect();
        let field = |place: usize| -> BTreeSet<String> {
            all.iter().map(|each| each.split(['<', '|']).nth(place).unwrap().into()).collect()
        };
        assert_eq!((field(1).len(), field(2).len()), (40, 40));
        assert!(all.iter().all(|each| each.len() == all[0].len()));
        assert!(some(1, false)[0].contains("|262412346000001|"), "{}", some(1, false)[0]);
    }

    #[test]
    fn a_signature_belongs_to_the_number_before_it() {
        for request in some(0, false) {
            let draws = request.split('|').skip(2).collect::<Vec<_>>().join("|");
            let digits: Vec<char> = draws.chars().filter(char::is_ascii_digit).collect();
            assert_eq!((digits[0], digits[2]), (digits[1], digits[3]), "{request}");
            assert_ne!(digits[0], digits[2], "{request}");
        }
    }

    #[test]
    fn hot_draws_are_all_on_the_first_license() {
        assert!(some(1, true).iter().all(|request| request.ends_with("|N0|F0|N0F0>")));
    }

    #[test]
    fn unreadable_templates_are_refused() {
        assert_eq!(bytes("0a2B"), Ok(vec![10, 43]));
        assert!(bytes("0").is_err());
        assert!(bytes("0g").is_err());
    }
}
