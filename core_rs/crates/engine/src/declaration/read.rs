//! Reads requests about whole declarations, within their limits.

use std::sync::Arc;

use descargo_evidence::sha256;
use descargo_ledger::command::{Keys, LicenseKey, LineKey, PositionKey, RequestKey};
use descargo_model::pb;
use descargo_model::text::lookup_number;
use prost::Message;

use crate::caller::Caller;
use crate::declaration::{Asked, Declared, Reference, Stated};
use crate::limits::{
    DECLARATION_BYTES_MAX, DECLARATION_DRAWS_MAX, DECLARATION_LINES_MAX, EXERCISE_BYTES_MAX,
    LINE_DRAWS_MAX, QUERY_BYTES_MAX,
};
use crate::refusal::{Reason, Refusal};
use crate::request;

/// Which call it was; the same statement made by two calls is two statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Reserve = 1,
    Validate = 2,
    Rectify = 3,
}

impl Declared {
    /// Reads a `ValidateLicenseRequest`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn of_license(caller: Arc<Caller>, bytes: &[u8]) -> Result<Self, Refusal> {
        let message: pb::ValidateLicenseRequest =
            request::read("ValidateLicenseRequest", bytes, EXERCISE_BYTES_MAX)?;
        let request_id = request::request_id(&message.request_id)?;
        let (stated, keys) = lone(&caller, message.declaration)?;
        Ok(Self::new(caller, bytes, request_id, Asked::Lone(stated), keys))
    }

    /// Reads a `CheckLicenseRequest`; also tells the revision that the answer must have seen.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn of_license_check(caller: Arc<Caller>, bytes: &[u8]) -> Result<(Self, String), Refusal> {
        let message: pb::CheckLicenseRequest =
            request::read("CheckLicenseRequest", bytes, EXERCISE_BYTES_MAX)?;
        let (stated, keys) = lone(&caller, message.declaration)?;
        let asked = Asked::Lone(stated);
        Ok((Self::new(caller, bytes, String::new(), asked, keys), message.min_revision))
    }

    /// Reads a `CheckDeclarationRequest`: of a lane it asks for an exercise, of others for a hold.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn of_check(caller: Arc<Caller>, bytes: &[u8]) -> Result<(Self, String), Refusal> {
        let message: pb::CheckDeclarationRequest =
            request::read("CheckDeclarationRequest", bytes, DECLARATION_BYTES_MAX)?;
        let exercises = caller.role == crate::caller::Role::Lane;
        let call = if exercises { Call::Validate } else { Call::Reserve };
        let (stated, keys) = whole(&caller, call, message.declaration)?;
        let asked = if exercises { Asked::Validate(stated) } else { Asked::Reserve(stated) };
        Ok((Self::new(caller, bytes, String::new(), asked, keys), message.min_revision))
    }

    /// Reads a `ReserveDeclarationRequest`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn of_reserve(caller: Arc<Caller>, bytes: &[u8]) -> Result<Self, Refusal> {
        let message: pb::ReserveDeclarationRequest =
            request::read("ReserveDeclarationRequest", bytes, DECLARATION_BYTES_MAX)?;
        let request_id = request::request_id(&message.request_id)?;
        let (stated, keys) = whole(&caller, Call::Reserve, message.declaration)?;
        Ok(Self::new(caller, bytes, request_id, Asked::Reserve(stated), keys))
    }

    /// Reads a `ValidateDeclarationRequest`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn of_validate(caller: Arc<Caller>, bytes: &[u8]) -> Result<Self, Refusal> {
        let message: pb::ValidateDeclarationRequest =
            request::read("ValidateDeclarationRequest", bytes, DECLARATION_BYTES_MAX)?;
        let request_id = request::request_id(&message.request_id)?;
        let (stated, keys) = whole(&caller, Call::Validate, message.declaration)?;
        Ok(Self::new(caller, bytes, request_id, Asked::Validate(stated), keys))
    }

    /// Reads a `RectifyDeclarationRequest`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn of_rectify(caller: Arc<Caller>, bytes: &[u8]) -> Result<Self, Refusal> {
        let message: pb::RectifyDeclarationRequest =
            request::read("RectifyDeclarationRequest", bytes, DECLARATION_BYTES_MAX)?;
        let request_id = request::request_id(&message.request_id)?;
        let rectified = request::required("rectified", message.rectified)?;
        let (mut stated, mut keys) = whole(&caller, Call::Rectify, message.declaration)?;
        // Which declaration it rectifies is part of what is stated.
        let mut all = stated.statement_sha256.to_vec();
        all.extend(rectified.encode_to_vec());
        stated.statement_sha256 = sha256(&all);
        let reference = Reference::of("rectified", rectified);
        if !keys.declarations.contains(&reference.declaration_number) {
            keys.declarations.push(reference.declaration_number.clone());
        }
        Ok(Self::new(caller, bytes, request_id, Asked::Rectify(stated, reference), keys))
    }

    /// Reads a `PayDeclarationRequest`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn of_pay(caller: Arc<Caller>, bytes: &[u8]) -> Result<Self, Refusal> {
        let message: pb::PayDeclarationRequest =
            request::read("PayDeclarationRequest", bytes, QUERY_BYTES_MAX)?;
        let request_id = request::request_id(&message.request_id)?;
        let (reference, keys) = referenced(message.declaration)?;
        if message.paid_on.is_empty() {
            return Err(Refusal::of_field(Reason::FieldInvalid, "paid_on", "`paid_on` is absent"));
        }
        let asked = Asked::Pay(reference, message.paid_on);
        Ok(Self::new(caller, bytes, request_id, asked, keys))
    }

    /// Reads a `ReleaseDeclarationRequest`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be decided at all.
    pub fn of_release(caller: Arc<Caller>, bytes: &[u8]) -> Result<Self, Refusal> {
        let message: pb::ReleaseDeclarationRequest =
            request::read("ReleaseDeclarationRequest", bytes, QUERY_BYTES_MAX)?;
        let request_id = request::request_id(&message.request_id)?;
        let (reference, keys) = referenced(message.declaration)?;
        let ground = pb::ReleaseGround::try_from(message.ground)
            .ok()
            .filter(|ground| *ground != pb::ReleaseGround::Unspecified)
            .ok_or_else(|| {
                Refusal::of_field(Reason::FieldInvalid, "ground", "`ground` is absent or unknown")
            })?;
        let asked = Asked::Release(reference, ground);
        Ok(Self::new(caller, bytes, request_id, asked, keys))
    }

    fn new(
        caller: Arc<Caller>,
        bytes: &[u8],
        request_id: String,
        asked: Asked,
        mut keys: Keys,
    ) -> Self {
        let request_sha256 = sha256(bytes);
        if !request_id.is_empty() {
            let key = RequestKey { caller: caller.name.clone(), request_id: request_id.clone() };
            keys.request = Some((key, request_sha256));
        }
        keys.terms = true;
        Self { caller, request_id, request: bytes.to_vec(), request_sha256, asked, keys }
    }
}

impl Reference {
    fn of(field: &'static str, reference: pb::DeclarationRef) -> Self {
        Self {
            field,
            declaration_number: reference.declaration_number,
            acceptance_code: reference.acceptance_code,
        }
    }
}

fn referenced(reference: Option<pb::DeclarationRef>) -> Result<(Reference, Keys), Refusal> {
    let reference = Reference::of("declaration", request::required("declaration", reference)?);
    let declarations = vec![reference.declaration_number.clone()];
    Ok((reference, Keys { declarations, ..Keys::default() }))
}

/// The position that a declaration states.
fn position(declaration: &pb::Declaration) -> Result<PositionKey, Refusal> {
    if declaration.shipment_no == Some(0) {
        return Err(Refusal::of_field(
            Reason::FieldInvalid,
            "declaration.shipment_no",
            "shipments are numbered from 1; leave it out for the whole declaration",
        ));
    }
    Ok(PositionKey {
        declaration_number: declaration.declaration_number.clone(),
        shipment_no: declaration.shipment_no.unwrap_or(0),
    })
}

pub(super) fn license_key(draw: &pb::Draw) -> LicenseKey {
    let license = draw.license.clone().unwrap_or_default();
    LicenseKey {
        permit_key: license.permit_key,
        lookup_number: lookup_number(&license.permit_number),
    }
}

/// A declaration with one line and one draw, as `ValidateLicense` takes it.
fn lone(caller: &Caller, stated: Option<pb::Declaration>) -> Result<(Stated, Keys), Refusal> {
    let declaration = request::required("declaration", stated)?;
    let (line, draw) = only_draw(&declaration)?;
    caller.may_state(&declaration)?;
    let position = position(&declaration)?;
    let line = LineKey {
        declaration_number: position.declaration_number.clone(),
        shipment_no: position.shipment_no,
        line_no: line.line_no,
    };
    let keys = Keys { licenses: vec![license_key(draw)], line: Some(line), ..Keys::default() };
    let statement_sha256 = sha256(&declaration.encode_to_vec());
    Ok((Stated { declaration, position, statement_sha256 }, keys))
}

fn whole(
    caller: &Caller,
    call: Call,
    stated: Option<pb::Declaration>,
) -> Result<(Stated, Keys), Refusal> {
    let declaration = request::required("declaration", stated)?;
    within_limits(&declaration)?;
    caller.may_state(&declaration)?;
    let position = position(&declaration)?;
    let draws = declaration.lines.iter().flat_map(|line| &line.draws);
    let mut licenses: Vec<LicenseKey> = draws.map(license_key).collect();
    licenses.sort_unstable();
    licenses.dedup();
    let declarations = vec![position.declaration_number.clone()];
    let keys = Keys { licenses, declarations, ..Keys::default() };
    let mut statement = vec![call as u8];
    statement.extend(declaration.encode_to_vec());
    let statement_sha256 = sha256(&statement);
    Ok((Stated { declaration, position, statement_sha256 }, keys))
}

fn within_limits(declaration: &pb::Declaration) -> Result<(), Refusal> {
    let within = |field: String, count: usize, max: usize| match count <= max {
        true => Ok(()),
        false => {
            let told = format!("`{field}` has {count} items, at most {max}");
            Err(Refusal::of_field(Reason::LimitExceeded, field, told))
        }
    };
    let lines = &declaration.lines;
    within("declaration.lines".into(), lines.len(), DECLARATION_LINES_MAX)?;
    for (index, line) in lines.iter().enumerate() {
        within(format!("declaration.lines[{index}].draws"), line.draws.len(), LINE_DRAWS_MAX)?;
    }
    let draws = lines.iter().map(|line| line.draws.len()).sum();
    within("declaration.lines.draws".into(), draws, DECLARATION_DRAWS_MAX)
}

/// The one draw of the one line that these calls take.
fn only_draw(declaration: &pb::Declaration) -> Result<(&pb::DeclarationLine, &pb::Draw), Refusal> {
    let one = |field: &str, count: usize| {
        Refusal::of_field(
            Reason::FieldInvalid,
            field,
            format!("`{field}` has {count} items, this call takes exactly one"),
        )
    };
    let [line] = declaration.lines.as_slice() else {
        return Err(one("declaration.lines", declaration.lines.len()));
    };
    match line.draws.as_slice() {
        [draw] => Ok((line, draw)),
        draws => Err(one("declaration.lines[0].draws", draws.len())),
    }
}
