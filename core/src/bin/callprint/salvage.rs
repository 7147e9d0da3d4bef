//! Damaged audio: what can be heard of it, and what is said of the rest.

use std::path::Path;

use callprint::{
    Error,
    audio::{Block, Format, Source},
};

use crate::{
    args::RawArgs,
    console::Console,
    exit::{Failure, file_name},
    input::{self, Input},
};

/// What became of an input: a result, an error, or, of damaged audio, both.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Heard<T> {
    pub(crate) result: Option<T>,
    pub(crate) failure: Option<Failure>,
    /// What is wrong with the audio that `result` is of, without the file's name.
    pub(crate) damage: Option<String>,
}

impl<T> From<Result<Heard<T>, Failure>> for Heard<T> {
    fn from(result: Result<Heard<T>, Failure>) -> Self {
        result.unwrap_or_else(|failure| Heard { result: None, failure: Some(failure), damage: None })
    }
}

/// What a command does with audio, for messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verb {
    /// As in "--salvage scans the audio before that".
    pub(crate) does: &'static str,
    /// As in "the audio before that was scanned".
    pub(crate) done: &'static str,
}

/// Opens an input and lets `work` hear it, under its name. With `salvage`, damage after good audio only ends it.
///
/// Standard input is always salvaged: a pipe that breaks off took its audio with it. There is no second try, so what was
/// heard is told.
pub(crate) fn hear<T>(
    input: &Input,
    raw: &RawArgs,
    salvage: bool,
    verb: Verb,
    console: &Console,
    work: impl FnOnce(&str, &mut dyn Source) -> callprint::Result<T>,
) -> Result<Heard<T>, Failure> {
    match input {
        Input::File(path) => hear_source(path, &mut input::open_file(path)?, salvage, verb, work),
        Input::Stdin => {
            input::warn_of_container(console);
            hear_source(Path::new("-"), &mut input::open_stdin(raw)?, true, verb, work)
        }
        Input::Bad(_, failure) => Err(failure.clone()),
    }
}

fn hear_source<T>(
    path: &Path,
    source: &mut dyn Source,
    salvage: bool,
    verb: Verb,
    work: impl FnOnce(&str, &mut dyn Source) -> callprint::Result<T>,
) -> Result<Heard<T>, Failure> {
    let mut source = Salvage { source, salvage, heard: false, damage: None };
    let result = work(&file_name(path), &mut source).map_err(|error| source.failure(path, &error, verb))?;
    let damage = source.damage.as_ref();
    let failure = damage.map(|error| {
        Failure::new(format_args!("{}; {} was {}", Failure::reading(path, error), rest(error), verb.done))
    });
    let damage = damage.map(|error| match error {
        Error::MalformedAudio { reason, .. } => reason.clone(),
        other => other.to_string(),
    });
    Ok(Heard { result: Some(result), failure, damage })
}

/// What there is beside the damage: all the rest, where silence stands for what is missing.
fn rest(damage: &Error) -> &'static str {
    if damage.to_string().contains("count as silence") { "the rest" } else { "the audio before that" }
}

/// A source that, with `salvage`, ends where its audio is damaged instead of failing, if any audio came before.
struct Salvage<'s> {
    source: &'s mut dyn Source,
    salvage: bool,
    /// Whether audio has come.
    heard: bool,
    /// The damage that ended it.
    damage: Option<Error>,
}

impl Salvage<'_> {
    /// The failure of work that `error` ended, with what can be done about damage after good audio.
    fn failure(&self, path: &Path, error: &Error, verb: Verb) -> Failure {
        let failure = Failure::reading(path, error);
        match error {
            Error::MalformedAudio { .. } if self.heard => {
                Failure::new(format_args!("{failure}; --salvage {} {}", verb.does, rest(error)))
            }
            _ => failure,
        }
    }
}

impl Source for Salvage<'_> {
    fn format(&self) -> Format {
        self.source.format()
    }

    fn seconds_hint(&self) -> Option<f64> {
        self.source.seconds_hint()
    }

    fn next_block(&mut self, block: &mut Block) -> callprint::Result<bool> {
        match self.source.next_block(block) {
            Err(damage @ Error::MalformedAudio { .. }) if self.salvage && self.heard => {
                self.damage = Some(damage);
                Ok(false)
            }
            Ok(more) => {
                self.heard |= more && block.frames() > 0;
                Ok(more)
            }
            failed => failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One second of silence, then damage.
    struct Damaged(usize);

    impl Source for Damaged {
        fn format(&self) -> Format {
            Format { sample_rate: 8000, channels: 1 }
        }
        fn seconds_hint(&self) -> Option<f64> {
            None
        }
        fn next_block(&mut self, block: &mut Block) -> callprint::Result<bool> {
            if self.0 == 0 {
                return Err(Error::MalformedAudio { path: "x.wav".into(), reason: "cut off".to_owned() });
            }
            self.0 -= 1;
            block.channels = vec![vec![0.0; 8000]];
            Ok(true)
        }
    }

    #[test]
    fn damage_ends_a_source_only_where_audio_came_before_and_it_was_asked_for() {
        let next = |source: &mut Salvage<'_>| source.next_block(&mut Block::default());
        let mut source = Salvage { source: &mut Damaged(1), salvage: true, heard: false, damage: None };
        assert!(next(&mut source).unwrap());
        assert!(!next(&mut source).unwrap());
        assert!(matches!(source.damage, Some(Error::MalformedAudio { .. })));
        let mut source = Salvage { source: &mut Damaged(0), salvage: true, heard: false, damage: None };
        assert!(next(&mut source).is_err());
        let mut source = Salvage { source: &mut Damaged(1), salvage: false, heard: false, damage: None };
        assert!(next(&mut source).unwrap());
        assert!(next(&mut source).is_err());
    }
}
