//! The limits of a request, in one place (contract section 7).

/// A request that exercises or checks one license: about 1 KiB in practice.
pub const EXERCISE_BYTES_MAX: usize = 64 * 1024;
/// A request that submits one license: what was signed, the submission beside a canonical string,
/// signature and certificate, with room for framing.
pub const SUBMISSION_BYTES_MAX: usize = 2 * PAYLOAD_BYTES_MAX + 16 * 1024;
/// What was signed, payload or canonical string.
pub const PAYLOAD_BYTES_MAX: usize = 256 * 1024;
/// A signature: RSA-8192 has 1,024 bytes.
pub const SIGNATURE_BYTES_MAX: usize = 1024;
/// A certificate: SAT's have under 2 KiB.
pub const CERTIFICATE_BYTES_MAX: usize = 8 * 1024;
/// Requests that only name something.
pub const QUERY_BYTES_MAX: usize = 4 * 1024;
/// Pairs of caller and license whose wrong discharge signatures are counted at a time.
pub const WRONG_SIGNATURE_PAIRS_MAX: usize = 10_000;
/// A frame of a stream of submissions.
pub const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Items of a frame.
pub const FRAME_ITEMS_MAX: usize = 500;
/// Items of one stream whose answers its agency has not taken yet.
pub const CREDIT_ITEMS: usize = 2_000;
/// Their bytes, as the items themselves are encoded.
pub const CREDIT_BYTES: usize = 8 * 1024 * 1024;
/// Streams open at once: with their credit, what bulk work can take of the memory.
pub const STREAMS_MAX: usize = 64;
/// Streams of one caller: one agency must not keep the others out.
pub const STREAMS_PER_CALLER_MAX: usize = 4;
/// A message of answers is closed once it is so long; one answer may make it longer.
pub const ANSWERS_BYTES: usize = 1024 * 1024;
/// What an operator orders: a certificate at most, and some texts.
pub const OPERATION_BYTES_MAX: usize = 32 * 1024;
/// A request that states a whole declaration.
pub const DECLARATION_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Lines of a declaration.
pub const DECLARATION_LINES_MAX: usize = 1_000;
/// Draws of a declaration.
pub const DECLARATION_DRAWS_MAX: usize = 5_000;
/// Draws of one line.
pub const LINE_DRAWS_MAX: usize = 50;
/// Holds that lapse in one go, while calls wait behind them.
pub const LAPSES_AT_A_TIME: u32 = 64;
/// Balances that a refusal tells at most, over all its licenses.
pub const REFUSAL_BALANCES_MAX: usize = 2_000;
