//! Values that are encrypted a second time: a program would take the ciphertext for the secret.

use crate::envelope::native::is_like_token;

/// Tells with what a value is still encrypted.
pub fn encrypted_by(value: &str) -> Option<&'static str> {
    let value = value.trim_start();
    if is_like_token(value) {
        return Some("a token of secret");
    }
    SIGNS.iter().find(|(sign, _)| value.starts_with(sign)).map(|(_, by)| *by)
}

/// How such values begin.
const SIGNS: [(&str, &str); 11] = [
    ("$ANSIBLE_VAULT;", "ansible-vault"),
    ("-----BEGIN AGE ENCRYPTED FILE-----", "age"),
    ("EJ[1:", "ejson"),
    ("ENC[AES256_GCM,", "sops"),
    ("ENC[GPG,", "eyaml"),
    ("ENC[PKCS7,", "eyaml"),
    ("age-encryption.org/", "age"),
    ("encrypted:", "dotenvx"),
    ("# secret/v1 begin", "secret"),
    ("; secret/v1 begin", "secret"),
    ("secret/v1 opaque", "secret"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphertexts_of_known_programs_are_known() {
        for value in [
            "ENC[AES256_GCM,data:p673w==,iv:YY=,tag:UQ=,type:str]",
            " \nENC[AES256_GCM,data:",
            "encrypted:BDqDBibm4wsYqMpCjTQ6BsDHmMadg9K3dAt+Z9HPMfLEIRVz50hmLXPXRuDBXaJi",
            "age-encryption.org/v1\n-> X25519 abc",
            "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl",
            "secret-v1.v.2026-01-01.1.AAAA",
            "secret-v2.x",
            "$ANSIBLE_VAULT;1.1;AES256\n6231",
        ] {
            assert!(encrypted_by(value).is_some(), "{value}");
        }
        for value in ["", "ENC", "ENC[x]", "encrypted", "is encrypted: yes", "secret", "secret/v1/db", "age1abc", "$A"]
        {
            assert_eq!(encrypted_by(value), None, "{value}");
        }
    }
}
