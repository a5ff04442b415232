//! Passwords: Argon2id (RFC 9106), as many at a time as there are cores.
//!
//! One hash takes 19 MiB and some 20 ms. They run where they may block, behind a semaphore, so that
//! a flood of logins takes neither the memory nor the runtime of everybody else.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash as PhcText;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::control_plane::record::{PasswordHash, chance};
use crate::secret::Secret;

/// OWASP's least: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes passwords, and checks them. Clones share the semaphore.
#[derive(Clone, Debug)]
pub struct PasswordHasher {
    turns: Arc<Semaphore>,
    /// Checked where there is nobody of that name, so that it takes as long.
    nobody: PasswordHash,
}

/// A password could not be hashed or looked at.
#[derive(Debug, thiserror::Error)]
#[error("passwords cannot be hashed")]
pub struct HashingFailed(#[source] Option<Box<dyn std::error::Error + Send + Sync>>);

/// Is it the password?
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is not, or there is nobody to have one.
    Wrong,
    /// It is.
    Right,
    /// It is, and is better kept as this.
    RightWithOldParameters(PasswordHash),
}

impl PasswordHasher {
    /// A hasher with a turn for each core.
    pub fn new() -> Result<Self, HashingFailed> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let nobody = hash(&Secret::new(String::new()))?;
        Ok(Self { turns: Arc::new(Semaphore::new(cores)), nobody })
    }

    /// What is kept of a password.
    pub async fn hash(&self, password: Secret<String>) -> Result<PasswordHash, HashingFailed> {
        self.blocking(move || hash(&password)).await
    }

    /// Checks a password against what is kept. None is checked as well, and wrong.
    pub(super) async fn verify(
        &self,
        password: Secret<String>,
        kept: Option<PasswordHash>,
    ) -> Result<Verdict, HashingFailed> {
        let nobody = self.nobody.clone();
        self.blocking(move || {
            let Some(kept) = kept else {
                verify(&password, &nobody)?;
                return Ok(Verdict::Wrong);
            };
            match verify(&password, &kept)? {
                Verdict::RightWithOldParameters(_) => {
                    hash(&password).map(Verdict::RightWithOldParameters)
                }
                verdict @ (Verdict::Wrong | Verdict::Right) => Ok(verdict),
            }
        })
        .await
    }

    /// Is it the password of which that is kept?
    pub async fn opens(
        &self,
        password: Secret<String>,
        kept: &PasswordHash,
    ) -> Result<bool, HashingFailed> {
        match self.verify(password, Some(kept.clone())).await? {
            Verdict::Wrong => Ok(false),
            Verdict::Right | Verdict::RightWithOldParameters(_) => Ok(true),
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashingFailed> + Send + 'static,
    ) -> Result<T, HashingFailed> {
        let turns = self.turns.clone();
        let turn = turns.acquire_owned().await.map_err(because)?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(because)?
    }
}

fn because(error: impl std::error::Error + Send + Sync + 'static) -> HashingFailed {
    HashingFailed(Some(Box::new(error)))
}

fn argon2() -> Result<Argon2<'static>, HashingFailed> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(because)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &Secret<String>) -> Result<PasswordHash, HashingFailed> {
    let salt = chance::<16>().map_err(because)?;
    let text = argon2()?
        .hash_password_with_salt(password.expose().as_bytes(), &salt)
        .map_err(because)?
        .to_string();
    PasswordHash::parse(&text).ok_or(HashingFailed(None))
}

fn verify(password: &Secret<String>, kept: &PasswordHash) -> Result<Verdict, HashingFailed> {
    let phc = PhcText::new(kept.as_str()).map_err(because)?;
    if argon2()?.verify_password(password.expose().as_bytes(), &phc).is_err() {
        return Ok(Verdict::Wrong);
    }
    let params = Params::try_from(&phc).map_err(because)?;
    let now = (MEMORY_KIB, PASSES, LANES);
    if (params.m_cost(), params.t_cost(), params.p_cost()) == now {
        Ok(Verdict::Right)
    } else {
        Ok(Verdict::RightWithOldParameters(kept.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_opens_its_own_hash_only() {
        let hasher = PasswordHasher::new().unwrap();
        let kept = hasher.hash(typed("correct horse")).await.unwrap();
        assert!(kept.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let right = hasher.verify(typed("correct horse"), Some(kept.clone())).await.unwrap();
        assert_eq!(right, Verdict::Right);
        let wrong = hasher.verify(typed("battery staple"), Some(kept)).await.unwrap();
        assert_eq!(wrong, Verdict::Wrong);
        // The hash that stands in for nobody's is of the empty password, which opens nothing.
        assert_eq!(hasher.verify(typed(""), None).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn old_parameters_are_replaced_at_the_next_login() {
        let params = Params::new(8_192, 1, 1, None).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let text = weak.hash_password_with_salt(b"correct horse", &[7; 16]).unwrap().to_string();
        let kept = PasswordHash::parse(&text).unwrap();
        let hasher = PasswordHasher::new().unwrap();
        let verdict = hasher.verify(typed("correct horse"), Some(kept)).await.unwrap();
        let Verdict::RightWithOldParameters(better) = verdict else { panic!("{verdict:?}") };
        assert!(better.as_str().contains("m=19456,t=2,p=1"));
        let again = hasher.verify(typed("correct horse"), Some(better)).await.unwrap();
        assert_eq!(again, Verdict::Right);
    }
}
