//! Lists of column names that identify a role, in English and German.

pub(crate) const TIME: &[&str] = &[
    "timestamp",
    "time",
    "ts",
    "date",
    "datetime",
    "zeitstempel",
    "zeit",
    "datum",
    "uhrzeit",
    "datumuhrzeit",
    "datumzeit",
    "timestampms",
    "timestamputc",
    "timeutc",
    "utctime",
    "datetimeutc",
    "dateandtime",
    "eventtime",
    "sourcetimestamp",
    "sourcetime",
    "measuredat",
    "recordedat",
    "epoch",
    "epochms",
    "unixtime",
];
pub(crate) const DATE: &[&str] = &["date", "datum"];
pub(crate) const TIME_OF_DAY: &[&str] = &["time", "timeofday", "zeit", "uhrzeit"];
pub(crate) const ARRIVAL: &[&str] = &[
    "createdat",
    "arrival",
    "arrivaltime",
    "arrivedat",
    "receivedat",
    "receivetime",
    "ingestedat",
    "ingestiontime",
    "servertimestamp",
    "servertime",
];
pub(crate) const EQUIPMENT: &[&str] = &[
    "equipment",
    "equipmentid",
    "machine",
    "machineid",
    "asset",
    "assetid",
    "device",
    "deviceid",
    "maschine",
    "anlage",
];
pub(crate) const SOURCE: &[&str] = &["source", "sourceid", "gateway", "gatewayid"];
pub(crate) const QUALITY: &[&str] =
    &["quality", "qualitycode", "opcquality", "statuscode", "qualität", "qualitaet"];
pub(crate) const TAG: &[&str] = &[
    "tag",
    "tagname",
    "tagid",
    "variable",
    "variablename",
    "signal",
    "signalname",
    "sensor",
    "sensorname",
    "sensorid",
    "parameter",
    "parametername",
    "metric",
    "channel",
    "point",
    "pointname",
    "pointid",
    "nodeid",
    "item",
    "itemid",
    "name",
];
pub(crate) const VALUE: &[&str] = &["value", "val", "reading", "measurement", "wert", "messwert"];

/// Returns the part of a header that is compared with the words above: letters and digits in lower case, without a unit.
pub(crate) fn normalised(header: &str) -> String {
    let bare = header.trim();
    let bare = match bare.find(['[', '(']) {
        Some(at) if at > 0 && bare.ends_with([']', ')']) => {
            bare.split_at_checked(at).map_or(bare, |cut| cut.0)
        }
        _ => bare,
    };
    bare.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
