//! A bar on the terminal while long work goes on; a line now and then where there is no terminal.

use indicatif::{ProgressBar, ProgressStyle};
use kv::ledger::Progress;
use std::sync::{Arc, Mutex};

/// Shows `what`, done and total. A new `what` ends the old bar.
pub fn bar() -> Progress {
    let current: Mutex<Option<(String, ProgressBar)>> = Mutex::new(None);
    Arc::new(move |what: &str, done: u64, total: u64| {
        let mut current = current.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let is_new = !matches!(&*current, Some((shown, _)) if shown == what);
        if is_new {
            if let Some((_, bar)) = current.take() {
                bar.finish_and_clear();
            }
            let bar = ProgressBar::new(total);
            if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} ({eta})") {
                bar.set_style(style);
            }
            bar.set_message(what.to_owned());
            *current = Some((what.to_owned(), bar));
        }
        if let Some((_, bar)) = &*current {
            bar.set_length(total);
            bar.set_position(done);
            if done >= total {
                bar.finish_and_clear();
            }
        }
    })
}

/// The same, and a sentence of it where others can read it.
pub fn noted(progress: Progress, sentence: Arc<Mutex<Option<String>>>) -> Progress {
    Arc::new(move |what: &str, done: u64, total: u64| {
        progress(what, done, total);
        let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100);
        let mut sentence = sentence.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *sentence = Some(format!("At work: {what}, {percent} % done."));
    })
}
