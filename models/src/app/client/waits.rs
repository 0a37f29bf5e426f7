//! How long a client waits after a failure, and when it renews its connection.

use std::time::Duration;

use super::ClientProgram;

impl ClientProgram {
    /// No renewal is due any more.
    pub(super) fn stay(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.renew_at = None;
        }
    }

    pub(super) fn back_off(&self) -> Duration {
        self.rare.as_ref().and_then(|rare| rare.back_off).unwrap_or(self.plan.back_off)
    }

    /// The next wait is as after the first failure.
    pub(super) fn forget_failures(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.back_off = None;
        }
    }

    /// The wait before the next attempt.
    pub(super) fn wait(&mut self) -> Duration {
        let (jitter, back_off) = (self.plan.back_off_jitter, self.back_off());
        match self.rare.as_mut().and_then(|rare| rare.chance.as_mut()) {
            Some(chance) if jitter > 0.0 => {
                back_off.mul_f64(chance.uniform_range(1.0 - jitter, 1.0 + jitter))
            }
            Some(_) | None => back_off,
        }
    }
}
