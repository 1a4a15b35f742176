//! One license of the corpus as a command of the ledger: issued without a signature.

use std::sync::Arc;

use descargo_ledger::command::{
    Command, Decision, Effect, Issued, Keys, LicenseKey, Record, RequestKey, Terms, View,
};
use descargo_ledger::state::{self, LicenseState, OpenedLine};
use descargo_ledger::streams::OutOfTurn;
use descargo_model::decimal::AmountValue;
use descargo_model::license_name::LicenseName;
use descargo_model::pb;
use prost::Message;

/// Who is written down as having asked.
const CALLER: &str = "corpus";

/// Nothing is decided on terms here.
pub(crate) struct Unread;

impl Terms for Unread {
    fn read(_: &LicenseState, _: &[u8]) -> Result<Self, String> {
        Ok(Self)
    }
}

/// Issues one license, active at once.
pub(crate) struct Issue {
    pub(crate) name: LicenseName,
    pub(crate) discharge_signature: String,
    pub(crate) lines: Vec<OpenedLine>,
    /// Serialised `License`.
    pub(crate) content: Vec<u8>,
    keys: Keys,
}

impl Issue {
    pub(crate) fn new(
        name: LicenseName,
        discharge_signature: String,
        lines: Vec<OpenedLine>,
        content: Vec<u8>,
    ) -> Self {
        let request = RequestKey { caller: CALLER.into(), request_id: name.lookup_number.clone() };
        let license = LicenseKey {
            permit_key: name.permit_key.clone(),
            lookup_number: name.lookup_number.clone(),
        };
        let keys =
            Keys { request: Some((request, [0; 32])), licenses: vec![license], ..Keys::default() };
        Self { name, discharge_signature, lines, content, keys }
    }
}

impl Command for Issue {
    type Terms = Unread;
    type Draft = Vec<u8>;
    type Refusal = String;

    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn request(&self) -> &[u8] {
        &[]
    }

    fn decide(&self, view: &View<'_, Unread>) -> Decision<Unread, Vec<u8>, String> {
        if self.keys.licenses.iter().any(|key| !view.licenses(key).is_empty()) {
            return Decision::Refuse(format!("`{}` is there already", self.name.lookup_number));
        }
        let signature = self.discharge_signature.clone();
        let issued =
            state::issue(view.next_license_id, self.name.clone(), signature, true, &self.lines);
        let (state, movements) = match issued {
            Ok(issued) => issued,
            Err(error) => return Decision::Refuse(error.to_string()),
        };
        // What a feed of movements reads again; a receipt there is none.
        let told = movements.iter().map(|movement| pb::Movement {
            license: Some(pb::LicenseId {
                agency: self.name.agency.clone(),
                permit_key: self.name.permit_key.clone(),
                permit_number: self.name.permit_number.clone(),
            }),
            permit_seq: movement.permit_seq,
            kind: movement.kind.into(),
            license_line_no: movement.balance_after.license_line_no,
            ..pb::Movement::default()
        });
        let firma = pb::Firma { movements: told.collect(), ..pb::Firma::default() };
        let verdict = pb::Verdict {
            verdict_id: format!("{}-{:012}", view.ledger_id, view.verdict_no),
            outcome: Some(pb::verdict::Outcome::Firma(firma)),
            ..pb::Verdict::default()
        };
        let answer = pb::Answer { verdict: Some(verdict), ..pb::Answer::default() };
        Decision::Record(Box::new(Record {
            refused: false,
            draft: answer.encode_to_vec(),
            effect: Effect::Issue(Issued {
                state,
                movements,
                change_sha256: [0; 32],
                content: self.content.clone(),
                envelope: Vec::new(),
                terms: Arc::new(Unread),
            }),
        }))
    }

    fn seal(&self, draft: &Vec<u8>) -> Result<Vec<u8>, String> {
        Ok(draft.clone())
    }

    fn reused(&self) -> String {
        format!("`{}` is there already", self.name.lookup_number)
    }

    fn out_of_turn(&self, _: OutOfTurn) -> String {
        "a corpus has no stream".into()
    }
}

/// A line of a license that is all available.
pub(crate) fn opened(line: &pb::LicenseLine) -> Result<OpenedLine, String> {
    let stated = line.authorized.as_ref().ok_or("a line that authorizes nothing")?;
    let authorized = AmountValue::parse(stated).map_err(|error| error.to_string())?;
    Ok(OpenedLine { line_no: line.line_no, unit: line.unit, authorized, available: authorized })
}
