//! What a startup packet asks for.

use pgwire::messages::startup::Startup;
use session::SessionOptions;
use types::{Error, Result, bail, err};

pub fn of(startup: Startup) -> Result<SessionOptions> {
    let mut options = SessionOptions::default();
    let mut settings = Vec::new();
    for (name, value) in startup.parameters {
        match name.as_str() {
            "user" => options.user = value,
            "database" => options.database = value,
            "options" => options.settings = command_line(&value)?,
            "replication" => match types::text::parse_bool(&value) {
                Ok(false) => {}
                _ => return Err(Error::unsupported("a replication connection")),
            },
            // Protocol options: answered by NegotiateProtocolVersion.
            name if name.starts_with("_pq_.") => {}
            _ => settings.push((name, value)),
        }
    }
    if options.user.is_empty() {
        bail!(InvalidAuthorizationSpecification, "no PostgreSQL user name specified in startup packet");
    }
    if options.database.is_empty() {
        options.database = options.user.clone();
    }
    options.settings.append(&mut settings);
    Ok(options)
}

/// `-c name=value`, `-cname=value`, `--name=value`. A backslash keeps a blank in a word.
fn command_line(text: &str) -> Result<Vec<(String, String)>> {
    let words = words(text);
    let mut words = words.into_iter();
    let mut settings = Vec::new();
    while let Some(word) = words.next() {
        let setting = match (word.strip_prefix("--"), word.strip_prefix("-c")) {
            (Some(setting), _) => setting.to_owned(),
            (_, Some("")) => words.next().unwrap_or_default(),
            (_, Some(setting)) => setting.to_owned(),
            _ => bail!(SyntaxError, "invalid command-line argument for server process: {word}"),
        };
        let (name, value) =
            setting.split_once('=').ok_or_else(|| err!(SyntaxError, "-c {setting} requires a value"))?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c.is_ascii_whitespace() {
            open = false;
            continue;
        }
        if !open {
            words.push(String::new());
            open = true;
        }
        let kept = if c == '\\' { characters.next() } else { Some(c) };
        if let (Some(word), Some(kept)) = (words.last_mut(), kept) {
            word.push(kept);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(parameters: &[(&str, &str)]) -> Startup {
        let mut startup = Startup::new();
        startup.parameters =
            parameters.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        startup
    }

    #[test]
    fn the_database_defaults_to_the_user() {
        let options = of(packet(&[("user", "ann")])).unwrap();
        assert_eq!((options.user.as_str(), options.database.as_str()), ("ann", "ann"));
        let error = of(packet(&[("database", "d")])).unwrap_err();
        assert_eq!(error.state.code(), "28000");
    }

    #[test]
    fn options_come_before_parameters() {
        let text = r"-c geqo=off -csearch_path=a\ b,c --statement-timeout=5";
        let options = of(packet(&[("user", "u"), ("options", text), ("application_name", "x")])).unwrap();
        let expected = [
            ("geqo", "off"),
            ("search_path", "a b,c"),
            ("statement_timeout", "5"),
            ("application_name", "x"),
        ];
        assert_eq!(options.settings, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_is_no_option_is_refused() {
        for text in ["-x", "geqo=off", "-c geqo", "-c"] {
            assert!(of(packet(&[("user", "u"), ("options", text)])).is_err(), "{text}");
        }
        assert_eq!(
            of(packet(&[("user", "u"), ("replication", "database")])).unwrap_err().state.code(),
            "0A000"
        );
        assert!(of(packet(&[("user", "u"), ("replication", "false")])).is_ok());
    }
}
