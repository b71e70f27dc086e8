//! The part of `keyring` that `catalog/servers` names, on a machine without a keyring.

/// As in the crate.
pub mod v1 {
    use std::fmt;

    /// Why there is no key.
    #[derive(Debug)]
    pub enum Error {
        NoEntry,
        BadEncoding(Vec<u8>),
        BadDataFormat(Vec<u8>, Box<dyn std::error::Error + Send + Sync>),
    }

    impl fmt::Display for Error {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("no keyring")
        }
    }

    /// A key that cannot be made, because no keyring answers.
    #[derive(Debug)]
    pub enum Entry {}

    impl Entry {
        pub fn new(_service: &str, _account: &str) -> Result<Self, Error> {
            Err(Error::NoEntry)
        }

        pub fn set_password(&self, _password: &str) -> Result<(), Error> {
            match *self {}
        }

        pub fn get_password(&self) -> Result<String, Error> {
            match *self {}
        }

        pub fn delete_credential(&self) -> Result<(), Error> {
            match *self {}
        }
    }
}
