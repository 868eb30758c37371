//! The part of the API's description that is about Singular's report: as OpenAPI with only its paths, and as JSON Schema of
//! its answer.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::service::{ServiceError, ServiceResult};

/// The description of the whole API.
pub const OPENAPI: &str = include_str!("../../../../assets/openapi.json");

const PATHS: &str = "/api/v1/integrations/cost-report/singular/";
const SCHEMAS: &str = "#/components/schemas/";

fn whole() -> ServiceResult<Value> {
    serde_json::from_str(OPENAPI).map_err(|error| ServiceError::Internal(format!("the API's description: {error}")))
}

/// OpenAPI of the report's two routes at this address.
pub(super) fn openapi(url: &str) -> ServiceResult<Value> {
    let mut document = whole()?;
    if let Some(paths) = document["paths"].as_object_mut() {
        paths.retain(|path, _| path.starts_with(PATHS));
    }
    if let Some(tags) = document["tags"].as_array_mut() {
        tags.retain(|tag| tag["name"] == "Cost report");
    }
    document["servers"] = json!([{"url": url}]);
    let named = named(&document["paths"], &document);
    for section in ["parameters", "responses", "schemas"] {
        if let Some(entries) = document["components"][section].as_object_mut() {
            entries.retain(|name, _| named.contains(&format!("#/components/{section}/{name}")));
        }
    }
    Ok(document)
}

/// JSON Schema of the report's answer.
pub(super) fn schema() -> ServiceResult<Value> {
    let document = whole()?;
    let start = format!("{SCHEMAS}SingularReport");
    let named = named(&json!({"$ref": start}), &document);
    let mut parts: Map<String, Value> = document["components"]["schemas"].as_object().cloned().unwrap_or_default();
    parts.retain(|name, _| named.contains(&format!("{SCHEMAS}{name}")));
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Answer of the Singular cost report",
        "$ref": start,
        "$defs": parts,
    });
    let text = schema.to_string().replace(SCHEMAS, "#/$defs/");
    serde_json::from_str(&text).map_err(|error| ServiceError::Internal(format!("the report's schema: {error}")))
}

/// Everything that a part of the document refers to, directly or indirectly.
fn named(part: &Value, document: &Value) -> BTreeSet<String> {
    let (mut found, mut parts) = (BTreeSet::new(), vec![part]);
    while let Some(part) = parts.pop() {
        match part {
            Value::Object(fields) => {
                if let Some(Value::String(target)) = fields.get("$ref")
                    && found.insert(target.clone())
                {
                    parts.extend(document.pointer(target.trim_start_matches('#')));
                }
                parts.extend(fields.values());
            }
            Value::Array(entries) => parts.extend(entries),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_referred_to_is_there_and_nothing_else() {
        let document = openapi("https://costs.example.com").unwrap();
        let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths, [&format!("{PATHS}json"), &format!("{PATHS}csv")]);
        for target in named(&document["paths"], &document) {
            assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
        }
        let schemas: Vec<_> = document["components"]["schemas"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(schemas, ["Refusal", "Success", "SingularReport", "SingularData", "SingularItem"]);
        let schema = schema().unwrap();
        assert_eq!(schema["$defs"].as_object().unwrap().len(), 4);
        for target in named(&schema, &schema) {
            assert!(schema.pointer(target.trim_start_matches('#')).is_some(), "{target}");
        }
    }
}
