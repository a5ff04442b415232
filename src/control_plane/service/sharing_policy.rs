//! What a tenant's shares may be: how long they are open, and whether they need a password. Asked where
//! shares are made and changed, and nowhere else: a share that was made before is as it was until
//! somebody changes it.

use super::error::Invalid;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{PasswordRule, Share, SharePolicy};

const DAY: u64 = 24 * 3_600;

/// Most days that can be said: ten years.
const MOST_DAYS: u16 = 3_650;

/// Refuses a policy that cannot be held to.
pub(super) fn accept(policy: &SharePolicy) -> Result<(), Invalid> {
    let SharePolicy { default_days, least_days, most_days, password: _, download: _ } = *policy;
    for (place, days) in [
        ("/policy/default_days", default_days),
        ("/policy/least_days", least_days),
        ("/policy/most_days", most_days),
    ] {
        if days.is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
            return Err(Invalid::new(place, format!("must be 1 to {MOST_DAYS} days, or null")));
        }
    }
    let (least, most) = (least_days.unwrap_or(1), most_days.unwrap_or(MOST_DAYS));
    if least > most {
        return Err(Invalid::new("/policy/least_days", "must be no more than most_days"));
    }
    match (default_days, most_days) {
        (Some(days), _) if !(least..=most).contains(&days) => {
            let detail = format!("must be {least} to {most} days, as every share");
            Err(Invalid::new("/policy/default_days", detail))
        }
        (None, Some(_)) => {
            let detail = "must be a number of days: where there is a most_days, every share ends";
            Err(Invalid::new("/policy/default_days", detail))
        }
        (Some(_) | None, _) => Ok(()),
    }
}

/// Refuses a share that is not to be made so.
pub(super) fn accept_made(
    policy: &SharePolicy,
    share: &Share,
    now: UnixSeconds,
) -> Result<(), Invalid> {
    if let Some(days) = policy.least_days
        && share.expires_at.is_some_and(|end| end < now.plus(u64::from(days) * DAY))
    {
        let detail = format!("must be at least {days} days from now, as the tenant's settings say");
        return Err(Invalid::new("/expires", detail));
    }
    accept_end(policy, share, now)?;
    accept_password(policy, share)
}

/// The same of a change. What it leaves as it was is not held against it, unless it opens more of the
/// share: an end can always come earlier (C26).
pub(super) fn accept_changed(
    policy: &SharePolicy,
    (before, after): (&Share, &Share),
    opens_more: bool,
    now: UnixSeconds,
) -> Result<(), Invalid> {
    if opens_more || before.expires_at != after.expires_at {
        accept_end(policy, after, now)?;
    }
    if opens_more || before.password.is_some() != after.password.is_some() {
        accept_password(policy, after)?;
    }
    Ok(())
}

/// The last of the days is had to its end, wherever the sender is.
fn accept_end(policy: &SharePolicy, share: &Share, now: UnixSeconds) -> Result<(), Invalid> {
    let Some(days) = policy.most_days else { return Ok(()) };
    let last = now.plus((u64::from(days) + 1) * DAY);
    if share.expires_at.is_some_and(|end| end <= last) {
        return Ok(());
    }
    let detail = format!("must be at most {days} days from now, as the tenant's settings say");
    Err(Invalid::new("/expires", detail))
}

fn accept_password(policy: &SharePolicy, share: &Share) -> Result<(), Invalid> {
    match policy.password {
        PasswordRule::Required if share.password.is_none() => {
            Err(Invalid::new("/password", "is needed, as the tenant's settings say"))
        }
        PasswordRule::Optional | PasswordRule::Required => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_can_be_held_to() {
        let policy = |default_days, least_days, most_days| SharePolicy {
            default_days,
            least_days,
            most_days,
            ..SharePolicy::default()
        };
        for (policy, refused) in [
            (SharePolicy::default(), None),
            (policy(None, None, None), None),
            (policy(None, Some(1), None), None),
            (policy(Some(7), Some(7), Some(7)), None),
            (policy(Some(0), None, None), Some("/policy/default_days")),
            (policy(Some(30), Some(0), None), Some("/policy/least_days")),
            (policy(Some(30), None, Some(3_651)), Some("/policy/most_days")),
            (policy(Some(30), Some(31), Some(30)), Some("/policy/least_days")),
            (policy(Some(30), None, Some(29)), Some("/policy/default_days")),
            (policy(Some(30), Some(31), None), Some("/policy/default_days")),
            (policy(None, None, Some(30)), Some("/policy/default_days")),
        ] {
            let told = accept(&policy).err().map(|it| it.pointer);
            assert_eq!(told.as_deref(), refused, "{policy:?}");
        }
    }
}
