//! Meta as bytes: (u8 field ‖ v32)*, ascending; what is absent is omitted.

use super::Meta;

impl Meta {
    pub fn encode(&self) -> Vec<u8> {
        let texts = [&self.user, &self.application_name, &self.client_address, &self.reason];
        let texts = texts.into_iter().map(|text| text.as_ref().map(|text| text.as_bytes()));
        let fields = texts.chain([self.statement_sha256.as_ref().map(|hash| &hash[..])]);
        let mut out = Vec::new();
        for (number, bytes) in (1u8..).zip(fields) {
            if let Some(bytes) = bytes {
                // Settings and names are far shorter than 4 GiB; what is not is cut rather than misread.
                let bytes = &bytes[..bytes.len().min(u32::MAX as usize)];
                out.push(number);
                out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
                out.extend_from_slice(bytes);
            }
        }
        out
    }

    pub fn decode(mut bytes: &[u8]) -> Result<Meta, String> {
        let mut meta = Meta::default();
        let mut last = 0;
        while let Some((head, rest)) = bytes.split_first_chunk::<5>() {
            let [field, length @ ..] = *head;
            let (value, rest) = rest
                .split_at_checked(u32::from_be_bytes(length) as usize)
                .ok_or("the transaction's meta ends too early")?;
            if field <= last {
                return Err(format!("meta field {field} after {last}"));
            }
            let text = || String::from_utf8(value.to_vec()).map(Some).map_err(|_| "meta that is not UTF-8");
            match field {
                1 => meta.user = text()?,
                2 => meta.application_name = text()?,
                3 => meta.client_address = text()?,
                4 => meta.reason = text()?,
                5 => meta.statement_sha256 = Some(value.try_into().map_err(|_| "a hash of another length")?),
                _ => return Err(format!("unknown meta field {field}")),
            }
            last = field;
            bytes = rest;
        }
        if bytes.is_empty() { Ok(meta) } else { Err("bytes after the transaction's meta".into()) }
    }
}
