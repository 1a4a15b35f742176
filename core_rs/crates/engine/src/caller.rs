//! Who asks, as the transport established it.

use descargo_model::pb;
pub use descargo_rules::agencies::AgencyKeys;

use crate::refusal::{Reason, Refusal};

/// What an identity may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Issues licenses.
    Agency,
    /// Transmits signed licenses of agencies that it is listed for.
    Hub,
    /// Exercises licenses at its customs office.
    Lane,
    /// Checks declarations before they are sent.
    Prevalidator,
    /// A customs broker, for its own license (patente).
    Broker,
    /// The holder of licenses.
    Holder,
    /// Reads every agency's licenses.
    Coordinator,
    /// Feeds rules.
    RuleOfficer,
    /// Reads everything.
    Auditor,
    /// Runs the validator.
    Operator,
}

impl Role {
    /// The role of a name in `access.toml`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "agency" => Self::Agency,
            "hub" => Self::Hub,
            "lane" => Self::Lane,
            "prevalidator" => Self::Prevalidator,
            "broker" => Self::Broker,
            "holder" => Self::Holder,
            "coordinator" => Self::Coordinator,
            "rule_officer" => Self::RuleOfficer,
            "auditor" => Self::Auditor,
            "operator" => Self::Operator,
            _ => return None,
        })
    }

    /// Whether the true finding is told about a license of somebody else. An officer has the goods
    /// and the importer in front of him; to everybody else such a license looks unknown.
    #[must_use]
    pub fn sees_others_licenses(self) -> bool {
        matches!(self, Self::Lane | Self::Auditor)
    }
}

/// An identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its name, unique; part of verdicts and of idempotency keys.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Agency: its own, one. Hub: those that it is listed for. Empty for other roles.
    pub agencies: Vec<AgencyKeys>,
    /// Lane: its customs office. Empty for other roles.
    pub office: String,
    /// Broker: its license (patente). Empty for other roles.
    pub broker_license: String,
    /// Holder: its RFC. Empty for other roles.
    pub rfc: String,
}

impl Caller {
    /// Whether what an agency may know of its licenses is told to this identity. An agency's keys
    /// bound what it submits, and it reads whatever is the agency's. A hub is somebody else: it is
    /// told of what it is listed for and of nothing more.
    #[must_use]
    pub fn is_told_of(&self, agency: &str, permit_key: &str) -> bool {
        self.agencies.iter().any(|listed| {
            let told = self.role == Role::Agency || listed.has_key(permit_key);
            listed.agency == agency && told
        })
    }

    /// Whether this identity may state this declaration: a lane its office's, a broker his own
    /// license's, a holder its own RFC's. What is malformed passes here and becomes a finding.
    ///
    /// # Errors
    /// `ROLE_NOT_ALLOWED` with the field that lies outside.
    pub fn may_state(&self, declaration: &pb::Declaration) -> Result<(), Refusal> {
        let outside = |field: &str, stated: &str, own: &str| {
            Err(Refusal::of_field(
                Reason::RoleNotAllowed,
                format!("declaration.{field}"),
                format!("`{stated}` is not this identity's, which is `{own}`"),
            ))
        };
        match self.role {
            Role::Lane => {
                let stated = declaration.clearance_office.get(..2);
                match stated.is_none() || stated == self.office.get(..2) {
                    true => Ok(()),
                    false => {
                        outside("clearance_office", &declaration.clearance_office, &self.office)
                    }
                }
            }
            Role::Broker => {
                let stated = declaration.declaration_number.get(4..8);
                match stated.is_none_or(|patente| patente == self.broker_license) {
                    true => Ok(()),
                    false => outside(
                        "declaration_number",
                        &declaration.declaration_number,
                        &self.broker_license,
                    ),
                }
            }
            Role::Holder => {
                let stated = declaration.trader.as_ref().map_or("", |trader| &trader.rfc);
                match stated == self.rfc {
                    true => Ok(()),
                    // An RFC is personal data: it is not repeated.
                    false => Err(Refusal::of_field(
                        Reason::RoleNotAllowed,
                        "declaration.trader.rfc",
                        "not this identity's RFC",
                    )),
                }
            }
            _ => Ok(()),
        }
    }
}
