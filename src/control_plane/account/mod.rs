//! Accounts: how applications and people prove who they are, and the tokens they get for it.
//!
//! **Invariants.** A token does no more than its holder may do now: scopes are cut to the holder's
//! each time it is shown. Secrets and tokens are 256 random bits, seen once and kept as their
//! SHA-256; passwords are kept as Argon2id. Wrong, unknown and disabled look alike from outside,
//! and take as long. Nobody is locked out by somebody else's failures: delays belong to a network,
//! never to an account.
//!
//! Not here: what accounts there are and who changes them (`service`), and the wire (`api`).

mod authenticate;
mod browser_session;
mod error;
mod grant;
mod login;
mod password;
mod secret_text;
mod session;
mod signature;
mod throttle;

pub use authenticate::Accounts;
pub use browser_session::{BROWSER_SESSION, BrowserSession, SignedIn};
pub use error::AccountError;
pub use grant::{ClientCredentials, Grant, Introspection};
pub use login::Session;
pub use password::{HashingFailed, PasswordHasher};
pub use secret_text::{SecretKind, SecretText};
pub use session::SlidingSession;
pub use signature::Signer;
pub(in crate::control_plane) use throttle::Attempt;
pub use throttle::{LOGIN_TRIES, LOGIN_WINDOW};
