//! Who takes over: where a known script ends and somebody speaks on, weighed against what the voices tell.
//!
//! The end of a script is the best witness that a machine has stopped, and the levels after it tell where somebody begins to
//! speak. They can't tell who: a script of the same campaign that begins like a known one goes on in the machine's voice,
//! and who interrupts the machine is not yet the person who takes over. The change of voice at that onset and at those
//! around it can ([`VoiceJudge`]), some seconds later. So where the voice is judged the levels only make a claim, and the
//! change of voice settles it; where it is not, a claim is told at once.
//!
//! Constants: chosen on 1,000 development calls (`devset.py`, split `score-train`; their unknown scripts begin like one of the
//! index), of whose 767 without a hand-over 26 tell one (62 by levels alone); 143 of 152 hand-overs from known scripts are told at the
//! right time (137). On 600 calls of other scripts, voices and people 13 of 470 are false (52), and 76 of 89 right (74).
//! A hand-over is told 4.5 to 7.1 s after the person's first word, last where no script is known; levels alone tell it after 2.5 to 6.5 s.

use crate::prosody::{Candidate, Handover, Takeover, VoiceJudge};

/// Hand-overs that a live call remembers.
pub(super) const HANDOVERS: usize = 64;
/// Where a known script explained what was heard up to so long before, a change of voice alone says nothing about a hand-over, s.
const UNEXPLAINED: f64 = 10.0;
/// Hand-overs so near each other are one, s.
const SAME_HANDOVER: f64 = 3.0;
/// A script that plays from so soon after a claim on, and for so long, is what was heard there, s.
const SCRIPT_BEGINS: f64 = 1.0;
const SCRIPT_LASTS: f64 = 1.6;
/// An onset so near the claim is the same, s.
const SAME_ONSET: f64 = 0.3;
/// Onsets from so long before the script's end, which is known to about that, until so long after the claim may be meant, s.
const BEFORE_END: f64 = 0.3;
const AFTER_CLAIM: f64 = 2.0;
/// An onset counts so much less for each second after the script's end, log-odds.
const PER_SECOND: f64 = 0.4;
/// From such log-odds on an onset is believed: the claim's own without comparing it with others, another against the levels, …
const SURE: f64 = 0.0;
/// … and one that follows the script without a pause (s) is believed at all: a machine that goes on in other words has less.
const LEAST: f64 = -3.5;
const NO_PAUSE: f64 = 0.4;
/// After a pause, too, it is none with less than that.
const LEAST_EVER: f64 = -7.0;

/// Speech after a known script that may be a person's.
#[derive(Debug, Clone, Copy)]
struct Claim {
    takeover: Takeover,
    /// Where the script ended, s.
    end: f64,
}

/// The hand-overs of one stream.
#[derive(Debug)]
pub(super) struct Takeovers {
    /// The latest, at most `most`; `forgotten` came before them.
    told: Vec<Takeover>,
    most: usize,
    forgotten: usize,
    claim: Option<Claim>,
}

impl Takeovers {
    /// None yet; the latest `most` will be remembered. Allocates all it can need, unless that is very many.
    pub(super) fn new(most: usize) -> Self {
        Self { told: Vec::with_capacity(most.min(HANDOVERS)), most, forgotten: 0, claim: None }
    }

    /// Forgets the stream.
    pub(super) fn reset(&mut self) {
        self.told.clear();
        (self.claim, self.forgotten) = (None, 0);
    }

    /// Hand-overs that are remembered, in the order in which they were told.
    pub(super) fn told(&self) -> &[Takeover] {
        &self.told
    }

    /// Those told after the first `known` of the stream, as far as they are remembered, and how many have been told in all.
    pub(super) fn since(&self, known: usize) -> (&[Takeover], usize) {
        let from = known.saturating_sub(self.forgotten).min(self.told.len());
        (&self.told[from..], self.forgotten + self.told.len())
    }

    /// Hears what the levels say of speech after known scripts, which explain the stretches `scripts` (s), and, if that is judged,
    /// what the voice says. `last`: nothing will follow.
    pub(super) fn listen(
        &mut self,
        scripts: impl Iterator<Item = (f64, f64)> + Clone,
        handover: &mut Handover,
        judge: Option<&mut VoiceJudge>,
        last: bool,
    ) {
        let end = scripts.clone().map(|script| script.1).max_by(f64::total_cmp);
        self.claim = self.claim.filter(|claim| !scripts.clone().any(|script| plays_at(script, claim.takeover.at)));
        handover.script(end);
        let claim = handover.poll().zip(end).map(|(takeover, end)| Claim { takeover, end });
        let Some(judge) = judge else {
            claim.into_iter().for_each(|claim| self.tell(claim.takeover));
            return;
        };
        if let Some(claim) = claim {
            self.settle(judge, true);
            self.claim = Some(claim);
        }
        self.settle(judge, last);
        let unknown = judge.takeover();
        // Shortly after a known script its end has the word, whatever came of the claim.
        let unexplained = |takeover: &Takeover| end.is_none_or(|end| end < takeover.at - UNEXPLAINED);
        unknown.filter(unexplained).into_iter().for_each(|takeover| self.tell(takeover));
    }

    /// Settles the claim if all is known that counts, or if it must be.
    fn settle(&mut self, judge: &VoiceJudge, must: bool) {
        let Some(Claim { takeover, end }) = self.claim else { return };
        let until = judge.onsets_judged_until();
        let own = judge.onsets().filter(|onset| (onset.at - takeover.at).abs() < SAME_ONSET);
        let own = own.map(|onset| f64::from(onset.log_odds)).max_by(f64::total_cmp);
        let clear = own.is_some_and(|odds| odds >= SURE) && until >= takeover.at + SAME_ONSET;
        if !(clear || must || until >= takeover.at + AFTER_CLAIM) {
            return;
        }
        self.claim = None;
        if clear {
            return self.tell(takeover);
        }
        let score = |onset: &Candidate| f64::from(onset.log_odds) - PER_SECOND * (onset.at - end);
        let meant = (end - BEFORE_END)..=(takeover.at + AFTER_CLAIM);
        let best =
            judge.onsets().filter(|onset| meant.contains(&onset.at)).max_by(|a, b| score(a).total_cmp(&score(b)));
        let better = |least: f64| best.filter(|onset| score(onset) >= least).map(|onset| onset.at);
        let at_once = takeover.at - end < NO_PAUSE;
        let doubtful = own.map_or(at_once, |odds| odds < if at_once { LEAST } else { LEAST_EVER });
        let at = better(SURE).or(if doubtful { better(LEAST) } else { Some(takeover.at) });
        at.into_iter().for_each(|at| self.tell(Takeover { at, ..takeover }));
    }

    fn tell(&mut self, takeover: Takeover) {
        let again = self.told.iter().any(|told| (told.at - takeover.at).abs() < SAME_HANDOVER);
        if again {
            return;
        }
        if self.told.len() >= self.most {
            self.told.remove(0);
            self.forgotten += 1;
        }
        self.told.push(takeover);
    }
}

/// Whether a script that explains the stretch `script` (s) is what begins to speak at `at`.
fn plays_at(script: (f64, f64), at: f64) -> bool {
    script.0 < at + SCRIPT_BEGINS && script.1 > at + SCRIPT_LASTS
}
