//! What is durable: licenses as the ledger has them, positions, and the answers that were given.

use std::hash::{Hash, Hasher};

use descargo_ledger::state::{
    self, Change, DrawStep, LicenseState, Moment, Movement, OpenedLine, Stage, StateError,
};
use descargo_model::date::Day;
use descargo_model::decimal::{AmountValue, Quantity, Usd};
use descargo_model::license_name::LicenseName;
use descargo_model::life::{Stop, StopKind};
use descargo_model::pb;
use jiff::Timestamp;

/// The only line of each license.
const LINE: u32 = 1;
/// Nothing of the world's days comes near it.
const VALID_TO: &str = "2030-12-31";
/// USD of one unit, so that both dimensions move.
const USD: i64 = 10;

/// `units` in both dimensions.
pub fn amount(units: u8) -> AmountValue {
    let units = i64::from(units);
    AmountValue { quantity: Quantity::from_scaled(units), value_usd: Usd::from_scaled(units * USD) }
}

/// A license, and what its movements say by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct License {
    pub state: LicenseState,
    /// Movements so far.
    pub moved: u64,
    /// Taken less returned, by declaration.
    pub sums: Vec<i64>,
}

impl License {
    fn issued(units: u8, declarations: usize) -> Result<Self, StateError> {
        let name = LicenseName {
            agency: "SE".into(),
            permit_key: "C1".into(),
            permit_number: "1".into(),
            lookup_number: "1".into(),
        };
        let authorized = amount(units);
        let line = OpenedLine { line_no: LINE, unit: 1, authorized, available: authorized };
        let (state, movements) = state::issue(1, name, String::new(), true, &[line])?;
        let moved = u64::try_from(movements.len()).unwrap_or(u64::MAX);
        Ok(Self { state, moved, sums: vec![0; declarations] })
    }

    /// Available, reserved and exercised units, and whether the value says the same.
    pub fn units(&self) -> Option<[i64; 3]> {
        let balance = self.state.balance(LINE)?;
        let parts = [balance.available, balance.reserved, balance.exercised];
        let quantity = parts.map(|part| part.quantity.map_or(i64::MIN, Quantity::scaled));
        let usd = parts.map(|part| part.value_usd.map_or(i64::MIN, Usd::scaled));
        (quantity.map(|units| units.saturating_mul(USD)) == usd).then_some(quantity)
    }

    pub fn authorized(&self) -> i64 {
        let balance = self.state.balance(LINE);
        balance.and_then(|balance| balance.authorized.quantity).map_or(0, Quantity::scaled)
    }

    pub fn is_stopped(&self) -> bool {
        !self.state.stops.is_empty()
    }
}

// What can differ in this world; the ledger's state has no hash of its own.
impl Hash for License {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let state = &self.state;
        (state.permit_seq, state.version, state.status as i32, state.stops.len()).hash(hasher);
        (self.units(), self.moved, &self.sums).hash(hasher);
    }
}

/// What a declaration holds or took of a license.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Draw {
    pub license: usize,
    pub units: u8,
    pub stage: Stage,
}

/// Where a declaration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Standing {
    #[default]
    Nothing,
    Reserved,
    Exercised,
    Released,
    Lapsed,
    Rectified,
}

/// A declaration on the books.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Position {
    pub standing: Standing,
    pub draws: Vec<Draw>,
    /// Hour at which its holds lapse.
    pub due: Option<u8>,
    /// How often each license was exercised by it, less how often that was given back.
    pub exercised: Vec<i8>,
}

/// What is wrong with a movement by itself, seen when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// A number of the license's movements is missing or there twice.
    Gap,
    /// A step that the rules allowed does not fit the balance.
    Fault,
    /// Something was taken while the license was suspended.
    WhileStopped,
    /// A hold was exercised after its time.
    AfterItsTime,
}

/// Everything that survives a crash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Books {
    pub hour: u8,
    pub licenses: Vec<License>,
    pub positions: Vec<Position>,
    /// The answer to each request: whether it was a yes.
    pub answers: Vec<Option<bool>>,
    pub wrong: Option<Wrong>,
}

impl Books {
    pub fn new(licenses: &[u8], declarations: usize, requests: usize) -> Result<Self, StateError> {
        let issued = licenses.iter().map(|units| License::issued(*units, declarations));
        let position = Position { exercised: vec![0; licenses.len()], ..Position::default() };
        Ok(Self {
            hour: 0,
            licenses: issued.collect::<Result<_, _>>()?,
            positions: vec![position; declarations],
            answers: vec![None; requests],
            wrong: None,
        })
    }

    fn moment(&self) -> Moment {
        let at = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(i64::from(self.hour));
        Moment { at, valid_to: Day::parse(VALID_TO).unwrap_or(Day::of(at)) }
    }

    /// Whether a declaration may take from the license now, by the ledger's word for its status.
    pub fn is_open(&self, license: usize) -> bool {
        let Moment { at, valid_to } = self.moment();
        let status = self.licenses[license].state.status_at(at, valid_to);
        matches!(status, pb::LicenseStatus::Active | pb::LicenseStatus::Exhausted)
    }

    /// Makes one step of a declaration, by the ledger's function.
    pub fn step(
        &mut self,
        declaration: usize,
        license: usize,
        step: &DrawStep,
    ) -> Result<(), StateError> {
        let License { state, .. } = &mut self.licenses[license];
        let movement = state.step(LINE, 1, step)?;
        let (taken, _) = step.amounts();
        let holds = matches!(step, DrawStep::Reserve(_) | DrawStep::CommitHeld(_))
            || matches!(step, DrawStep::Commit(_) | DrawStep::Replace { .. });
        if holds && !taken.is_none() && self.licenses[license].is_stopped() {
            self.wrong = Some(Wrong::WhileStopped);
        }
        let position = &mut self.positions[declaration];
        let is_late = position.due.is_some_and(|due| due <= self.hour);
        match step {
            DrawStep::CommitHeld(_) if is_late => self.wrong = Some(Wrong::AfterItsTime),
            _ => {}
        }
        position.exercised[license] += match step {
            DrawStep::Commit(_) | DrawStep::CommitHeld(_) => 1,
            DrawStep::Release(Stage::Exercised, _) => -1,
            _ => 0,
        };
        self.note(Some(declaration), license, &movement);
        Ok(())
    }

    fn note(&mut self, declaration: Option<usize>, license: usize, movement: &Movement) {
        let License { moved, sums, .. } = &mut self.licenses[license];
        *moved += 1;
        if movement.permit_seq != *moved {
            self.wrong = Some(Wrong::Gap);
        }
        let units = |amount: AmountValue| amount.quantity.map_or(0, Quantity::scaled);
        if let Some(declaration) = declaration {
            sums[declaration] += units(movement.taken) - units(movement.returned);
        }
    }

    /// Suspends a license, or ends its suspension. `false` when its status does not allow that.
    pub fn suspend(&mut self, license: usize, begins: bool) -> bool {
        let (moment, state) = (self.moment(), &self.licenses[license].state);
        let change = match state.stops.first() {
            None if begins => Change::Stop(suspension(moment.at)),
            Some(stop) if !begins => Change::Reinstate(stop.version),
            _ => return false,
        };
        let Ok((next, movements)) = state::change(state, &change, moment) else { return false };
        self.licenses[license].state = next;
        for movement in movements {
            self.note(None, license, &movement);
        }
        true
    }
}

fn suspension(start: Timestamp) -> Stop {
    let all = || pb::Extent { every: true, only: Vec::new() };
    Stop {
        version: 0,
        kind: StopKind::Suspension,
        lines: all(),
        offices: all(),
        start,
        end: None,
        reason: String::new(),
        legal_basis: String::new(),
    }
}
