//! From countries to the five hosted regions, as onetimesecret.com maps them today.
//!
//! `config/gateway.toml` has the same table, which a test compares; the demo uses this one.

/// By continent. Antarctica is mapped nowhere.
pub const CONTINENTS: [(&str, &str); 6] = [
    ("AF", "eu"),
    ("AS", "nz"),
    ("EU", "eu"),
    ("NA", "us"),
    ("OC", "nz"),
    ("SA", "us"),
];

/// By country, where it is not what the continent says, or where databases differ on the continent.
pub const COUNTRIES: [(&str, &[&str]); 3] = [
    // The Crown dependencies and Gibraltar go with the United Kingdom.
    ("uk", &["GB", "GG", "GI", "IM", "JE"]),
    ("ca", &["CA", "GL"]),
    (
        "eu",
        &[
            // On the edge of Europe.
            "CY", "RU", "TR", //
            // Caucasus.
            "AM", "AZ", "GE", //
            // Central Asia.
            "KG", "KZ", "TJ", "TM", "UZ", //
            // Middle East.
            "AE", "BH", "IL", "IQ", "IR", "JO", "KW", "LB", "OM", "PS", "QA", "SA", "SY", "YE",
        ],
    ),
];

/// The region of a client whose country is not known.
pub const NO_COUNTRY: &str = "eu";

/// The region of a client whose country is mapped nowhere.
pub const DEFAULT: &str = "us";

/// The mapping as `[geo.continents]` and `[geo.countries]` of a configuration file; `no_country` and `default`
/// are for the caller to write, since they belong to `[geo]` beside the database.
pub fn toml() -> String {
    let mut text = String::from("[geo.continents]\n");
    for (continent, region) in CONTINENTS {
        text.push_str(&format!("{continent} = \"{region}\"\n"));
    }
    text.push_str("\n[geo.countries]\n");
    for (region, countries) in COUNTRIES {
        for country in countries {
            text.push_str(&format!("{country} = \"{region}\"\n"));
        }
    }
    text
}
