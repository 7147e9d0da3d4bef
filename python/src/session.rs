//! A live call: samples pushed, events taken.

use std::sync::{Mutex, MutexGuard, PoisonError};

use callprint::{Error, SessionConfig, SessionEvent};
use pyo3::prelude::*;

use crate::{
    audio::Array,
    call::without_lock,
    detect::{self, Scanned},
    index::Index,
};

/// An event: kind, time, probability if it has one, and the script if it is about one.
type Event = (&'static str, f64, Option<f64>, Option<Found>);
/// Rendering, score, false alarms an hour, bit error rate, query start and end, script start and end, speed, rivals.
type Found = (String, f64, f64, f64, f64, f64, f64, f64, f64, Vec<String>);

/// One leg of a live call. The lock is held only without the interpreter's lock.
#[pyclass(frozen, module = "callprint._core")]
pub(crate) struct Session(Mutex<callprint::Session>);

impl Session {
    fn lock(&self) -> MutexGuard<'_, callprint::Session> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Session {
    #[new]
    fn new(
        py: Python<'_>,
        index: &Index,
        sample_rate: u32,
        max_far: f64,
        unmatched_after: f64,
        stop_when_decided: bool,
        machine_voice: bool,
    ) -> PyResult<Self> {
        let index = index.ready(py)?;
        let config = SessionConfig { sample_rate, max_far, unmatched_after, stop_when_decided, machine_voice };
        without_lock(py, || callprint::Session::new(index, config).map(|session| Self(Mutex::new(session))))
    }

    fn push(&self, py: Python<'_>, y: Array<'_>) -> PyResult<()> {
        match y {
            Array::Float(y) => push(py, y.as_slice().ok(), |y| self.lock().push_f32(y)),
            Array::Int(y) => push(py, y.as_slice().ok(), |y| self.lock().push_i16(y)),
        }
    }

    fn poll(&self, py: Python<'_>) -> PyResult<Vec<Event>> {
        without_lock(py, || {
            let mut session = self.lock();
            let events: Vec<SessionEvent> = std::iter::from_fn(|| session.poll()).collect();
            let index = session.index();
            Ok(events.iter().map(|event| described(index, event)).collect())
        })
    }

    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        without_lock(py, || {
            self.lock().finish();
            Ok(())
        })
    }

    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        without_lock(py, || {
            self.lock().reset();
            Ok(())
        })
    }

    fn seconds(&self, py: Python<'_>) -> PyResult<f64> {
        without_lock(py, || Ok(self.lock().seconds()))
    }

    fn missed_events(&self, py: Python<'_>) -> PyResult<u64> {
        without_lock(py, || Ok(self.lock().missed_events()))
    }

    fn report<'py>(&self, py: Python<'py>) -> PyResult<Scanned<'py>> {
        let (text, report) = without_lock(py, || {
            let report = self.lock().report("<session>");
            Ok((detect::json(&report)?, report))
        })?;
        Ok((text, report.matches.iter().map(|found| detect::path(py, found)).collect()))
    }
}

fn push<T: Sync>(py: Python<'_>, y: Option<&[T]>, to: impl FnOnce(&[T]) + Send) -> PyResult<()> {
    without_lock(py, || {
        to(y.ok_or_else(|| Error::InvalidArgument("the array is not contiguous and aligned".to_owned()))?);
        Ok(())
    })
}

fn described(index: &callprint::Index, event: &SessionEvent) -> Event {
    let name = |i: usize| index.rendering(i).id.to_owned();
    let found = event.found().map(|f| {
        let rivals = f.rivals().iter().map(|&i| index.rendering(i).script.to_owned()).collect();
        let times = (f.query_start, f.query_end, f.script_start, f.script_end);
        (
            name(f.rendering),
            f.score,
            f.false_alarms_per_hour,
            f.ber,
            times.0,
            times.1,
            times.2,
            times.3,
            f.speed,
            rivals,
        )
    });
    let probability = match event {
        SessionEvent::MachineVoice { probability, .. } => Some(*probability),
        SessionEvent::Handover { confidence, .. } => Some(*confidence),
        _ => None,
    };
    (event.kind(), event.at(), probability, found)
}
