//! A control plane, an edge, and what happens between them.

use std::collections::BTreeMap;

use super::chance::Chance;
use super::truth::{Deeds, NOW, Truth};
use crate::feed::{
    BatchKind, BatchWriter, Change, Heard, Intake, Kept, LineBuffer, Position, Record, Recorder,
    Replay, heartbeat, hello,
};

/// A control plane and its database.
struct Control {
    lineage: u64,
    /// By version; the changes that led there.
    history: Vec<(Truth, Vec<Change>)>,
    /// What is older is forgotten.
    compacted: usize,
    /// Every state that ever was: the restored ones too.
    ever: BTreeMap<(u64, u64), Truth>,
}

impl Control {
    fn new() -> Self {
        let mut control = Self {
            lineage: 0,
            history: vec![(Truth::default(), Vec::new())],
            compacted: 0,
            ever: BTreeMap::new(),
        };
        control.remember();
        control
    }

    fn head(&self) -> u64 {
        self.history.len() as u64 - 1
    }

    fn remember(&mut self) {
        let at = (self.lineage, self.head());
        self.ever.insert(at, self.history.last().unwrap().0.clone());
    }

    fn commit(&mut self, chance: &mut Chance) {
        let mut truth = self.history.last().unwrap().0.clone();
        let version = self.history.len() as u64;
        let changes = (0..chance.below(6)).map(|_| truth.change(version, chance)).collect();
        self.history.push((truth, changes));
        self.remember();
        if chance.one_in(20) {
            self.compacted = self.history.len() - 1;
        }
    }

    fn restore(&mut self, chance: &mut Chance) {
        let kept = 1 + chance.below(self.history.len() as u64);
        self.history.truncate(usize::try_from(kept).unwrap());
        self.compacted = self.compacted.min(self.history.len() - 1);
        self.lineage += 1;
        self.remember();
    }

    fn at(&self, version: u64) -> Position {
        Position { lineage: self.lineage.to_string().into(), version }
    }

    /// What an edge that is there gets to hear, line by line.
    fn lines_for(&self, reader: Option<&Position>, chance: &mut Chance) -> Vec<Vec<u8>> {
        let mut bytes = Vec::new();
        let head = self.head();
        let mut version = match reader {
            Some(at)
                if at.lineage == self.at(0).lineage
                    && at.version <= head
                    && at.version >= self.compacted as u64 =>
            {
                at.version
            }
            Some(_) | None => {
                let mut writer = BatchWriter::snapshot(&self.at(head));
                for change in self.history.last().unwrap().0.everything() {
                    writer.push(&change);
                }
                bytes.extend(writer.end());
                head
            }
        };
        while version < head {
            let next = version + 1 + chance.below((head - version).min(3));
            let mut writer = BatchWriter::versions(&self.at(version), next);
            for version in version + 1..=next {
                for change in &self.history[usize::try_from(version).unwrap()].1 {
                    writer.push(change);
                }
            }
            bytes.extend(writer.end());
            version = next;
        }
        bytes.extend(heartbeat(NOW, head));
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    }
}

/// Files, as they survive a kill.
#[derive(Default)]
struct Disk {
    /// The oldest first.
    files: Vec<Vec<u8>>,
    draft: Option<Vec<u8>>,
}

impl Disk {
    /// Does it; `survives` is how much of the last write reaches the disk, for a kill in between.
    fn keep(&mut self, record: Record, survives: Option<usize>) {
        let cut = |bytes: Vec<u8>| match survives {
            Some(survives) => bytes[..survives.min(bytes.len())].to_vec(),
            None => bytes,
        };
        match record {
            Record::Append(bytes) => {
                self.files.last_mut().unwrap().extend(cut(bytes));
            }
            Record::Begin(bytes) => self.draft = Some(cut(bytes)),
            Record::Continue(bytes) => self.draft.as_mut().unwrap().extend(cut(bytes)),
            Record::Finish(bytes) => {
                let mut draft = self.draft.take().unwrap();
                draft.extend(bytes);
                if survives.is_none() {
                    self.files.push(draft);
                    let old = self.files.len().saturating_sub(3);
                    self.files.drain(..old);
                }
            }
            Record::Nothing => {}
        }
    }

    fn recover(&mut self) -> Option<Intake> {
        self.draft = None;
        while let Some(file) = self.files.last_mut() {
            let mut replay = Replay::default();
            for line in file.split_inclusive(|byte| *byte == b'\n') {
                if replay.line(line).is_err() {
                    break;
                }
            }
            if let Some(Kept { intake, whole, heard }) = replay.finish() {
                assert!(heard.is_none_or(|heard| heard == NOW), "{heard:?}");
                file.truncate(usize::try_from(whole).unwrap());
                return Some(intake);
            }
            self.files.pop();
        }
        None
    }
}

/// An edge: what it knows, and what is in force there.
#[derive(Default)]
struct Edge {
    intake: Intake,
    recorder: Recorder,
    disk: Disk,
    in_force: Option<(u64, u64)>,
}

impl Edge {
    /// Takes a line. Kept first, in force then. None: killed meanwhile.
    fn hear(&mut self, line: &[u8], control: &Control, chance: &mut Chance) -> Result<bool, ()> {
        let heard = self.intake.line(line).map_err(drop)?;
        let record = self.recorder.record(line, heard, &self.intake, NOW);
        let writes = record != Record::Nothing;
        if writes && chance.one_in(40) {
            let survives = usize::try_from(chance.below(400)).unwrap();
            self.disk.keep(record, Some(survives));
            return Ok(false);
        }
        self.disk.keep(record, None);
        if let Heard::Taken(kind) = heard {
            self.put(control, Some(kind));
        }
        Ok(true)
    }

    /// What was taken by such a batch, or found on the disk, is in force from now on.
    fn put(&mut self, control: &Control, taken: Option<BatchKind>) {
        let at = self.intake.position().unwrap();
        let at: (u64, u64) = (at.lineage.parse().unwrap(), at.version);
        let truth = &control.ever[&at];
        // A snapshot brings a catalog of its own.
        let before = self.in_force.filter(|_| taken == Some(BatchKind::Versions));
        let before = before.map(|before| (&control.ever[&before], before.1));
        truth.assert_nothing_is_open_early(&mut self.intake, before);
        self.intake.give();
        assert_eq!(Deeds::of(&mut self.intake), truth.deeds(at.0), "this was never so");
        if let Some(before) = self.in_force {
            assert!(before.0 != at.0 || before.1 <= at.1, "{at:?} after {before:?}");
        }
        self.in_force = Some(at);
    }

    fn killed(&mut self, control: &Control) {
        let in_force = self.in_force;
        let disk = std::mem::take(&mut self.disk);
        *self = Self { disk, in_force, ..Self::default() };
        match self.disk.recover() {
            Some(intake) => {
                self.intake = intake;
                self.put(control, None);
            }
            // What was in force is on the disk before it is in force.
            None => assert_eq!(in_force, None),
        }
    }

    /// One connection, and whatever happens to it.
    fn connect(&mut self, control: &Control, chance: &mut Chance) {
        self.intake.interrupted();
        self.recorder = Recorder::default();
        self.disk.draft = None;
        let mut lines = control.lines_for(self.intake.position().as_ref(), chance);
        lines.insert(0, hello());
        damage(&mut lines, chance);
        let mut buffer = LineBuffer::default();
        for bytes in lines.concat().chunks(1 + usize::try_from(chance.below(300)).unwrap()) {
            buffer.push(bytes);
            while let Some(line) = buffer.next_line().unwrap() {
                match self.hear(&line, control, chance) {
                    Ok(true) => {}
                    Ok(false) => return self.killed(control),
                    Err(()) => return,
                }
            }
            if chance.one_in(60) {
                return self.killed(control);
            }
        }
    }
}

fn damage(lines: &mut Vec<Vec<u8>>, chance: &mut Chance) {
    for _ in 0..chance.below(3) {
        let place = usize::try_from(chance.below(lines.len() as u64)).unwrap();
        let other = usize::try_from(chance.below(lines.len() as u64)).unwrap();
        match chance.below(6) {
            0 => lines.swap(place, other),
            1 => lines.insert(other, lines[place].clone()),
            2 => drop(lines.remove(place)),
            3 => lines.truncate(place),
            4 => lines.insert(place, b"\n".to_vec()),
            _ => {
                let length = lines[place].len() as u64;
                let at = usize::try_from(chance.below(length)).unwrap();
                lines[place][at] ^= 1 << chance.below(8);
            }
        }
        if lines.is_empty() {
            return;
        }
    }
}

fn live(seed: u64) {
    let mut chance = Chance::of(seed);
    let mut control = Control::new();
    let mut edge = Edge::default();
    for _ in 0..60 {
        match chance.below(8) {
            0..=3 => control.commit(&mut chance),
            4 if chance.one_in(12) => control.restore(&mut chance),
            _ => edge.connect(&control, &mut chance),
        }
    }
    // Whoever is left alone converges.
    edge.intake.interrupted();
    edge.recorder = Recorder::default();
    let lines = control.lines_for(edge.intake.position().as_ref(), &mut chance);
    for line in std::iter::once(hello()).chain(lines) {
        let heard = edge.intake.line(&line).unwrap();
        if let Heard::Taken(kind) = heard {
            edge.put(&control, Some(kind));
        }
    }
    assert_eq!(edge.in_force, Some((control.lineage, control.head())));
}

#[test]
fn edges_converge_and_never_go_back_and_never_fail_open() {
    for seed in 0..1_000 {
        assert!(std::panic::catch_unwind(|| live(seed)).is_ok(), "seed {seed}");
    }
}

/// A file that is cut or changed anywhere says what was so at one version, or nothing.
#[test]
fn a_damaged_file_never_says_what_was_not_so() {
    for seed in 0..300 {
        let mut chance = Chance::of(seed);
        let mut control = Control::new();
        let mut edge = Edge::default();
        for _ in 0..12 {
            control.commit(&mut chance);
            edge.intake.interrupted();
            let lines = control.lines_for(edge.intake.position().as_ref(), &mut chance);
            for line in std::iter::once(hello()).chain(lines) {
                let heard = edge.intake.line(&line).unwrap();
                let record = edge.recorder.record(&line, heard, &edge.intake, NOW);
                edge.disk.keep(record, None);
            }
        }
        let file = edge.disk.files.last_mut().unwrap();
        let at = usize::try_from(chance.below(file.len() as u64)).unwrap();
        match chance.below(2) {
            0 => file.truncate(at),
            _ => file[at] ^= 1 << chance.below(8),
        }
        if let Some(mut intake) = edge.disk.recover() {
            let version = intake.position().unwrap().version;
            intake.give();
            let expected = control.ever[&(0, version)].deeds(0);
            assert_eq!(Deeds::of(&mut intake), expected, "seed {seed}");
        }
    }
}
