//! What the bench works on: settings, a ledger with licenses, and example requests, all of them from
//! a validator that accepted them.

use std::path::{Path, PathBuf};

use descargo_engine::settings::Settings;
use descargo_model::pb;
use prost::Message;

/// Declarations of one broker license: its serial has six digits and is not zero.
const SERIALS: usize = 999_999;

#[derive(serde::Deserialize)]
struct Corpus {
    licenses: Vec<(String, String)>,
    broker_licenses: Vec<String>,
}

pub struct Inputs {
    pub folder: PathBuf,
    pub settings: Settings,
    /// A `ValidateLicenseRequest`.
    pub validation: Vec<u8>,
    /// A `SubmitLicenseRequest`.
    pub submission: Vec<u8>,
    corpus: Corpus,
}

impl Inputs {
    pub fn read(folder: &Path) -> Self {
        let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        Self {
            folder: folder.to_owned(),
            settings: Settings::parse(&text("settings.json")).unwrap(),
            validation: std::fs::read(folder.join("validate.binpb")).unwrap(),
            submission: std::fs::read(folder.join("submit.binpb")).unwrap(),
            corpus: serde_json::from_str(&text("corpus.json")).unwrap(),
        }
    }

    pub fn declaration(&self) -> pb::Declaration {
        let request = pb::ValidateLicenseRequest::decode(self.validation.as_slice()).unwrap();
        request.declaration.unwrap()
    }

    pub fn envelope(&self) -> pb::Envelope {
        pb::SubmitLicenseRequest::decode(self.submission.as_slice()).unwrap().envelope.unwrap()
    }

    /// Requests `from..from + count`: each another declaration under another key, over all licenses.
    pub fn requests(&self, from: usize, count: usize) -> Vec<Vec<u8>> {
        let declaration = self.declaration();
        (from..from + count).map(|position| self.request(&declaration, position)).collect()
    }

    /// As many `CheckLicenseRequest`s, each of another declaration, over all licenses.
    pub fn checks(&self, count: usize) -> Vec<Vec<u8>> {
        let declaration = self.declaration();
        let check = |position| pb::CheckLicenseRequest {
            declaration: Some(self.another(&declaration, position)),
            min_revision: String::new(),
        };
        (0..count).map(|position| check(position).encode_to_vec()).collect()
    }

    fn request(&self, declaration: &pb::Declaration, position: usize) -> Vec<u8> {
        pb::ValidateLicenseRequest {
            request_id: format!("00000000-0000-4000-8000-{position:012x}"),
            declaration: Some(self.another(declaration, position)),
        }
        .encode_to_vec()
    }

    fn another(&self, declaration: &pb::Declaration, position: usize) -> pb::Declaration {
        let (number, firma) = &self.corpus.licenses[position % self.corpus.licenses.len()];
        let broker = &self.corpus.broker_licenses[position / SERIALS];
        let mut declaration = declaration.clone();
        let stated = &declaration.declaration_number;
        declaration.declaration_number =
            format!("{}{broker}{}{:06}", &stated[..4], &stated[8..9], position % SERIALS + 1);
        let draw = &mut declaration.lines[0].draws[0];
        draw.license.as_mut().unwrap().permit_number.clone_from(number);
        draw.discharge_signature.clone_from(firma);
        declaration
    }
}
