//! Answers: results, which answer belongs to which request.

use super::frame::Malformed;
use super::plan::Fail;
use ldap3_proto::proto::{
    LdapBindResponse, LdapExtendedResponse, LdapMsg, LdapOp, LdapResult, LdapResultCode as Code,
};

/// Returns the result of an operation.
pub fn result<T>(done: &Result<T, Fail>) -> LdapResult {
    match done {
        Ok(_) => LdapResult {
            code: Code::Success,
            matcheddn: String::new(),
            message: String::new(),
            referral: Vec::new(),
        },
        Err(fail) => refused(fail),
    }
}

/// Returns the result of an operation that was refused.
pub fn refused(fail: &Fail) -> LdapResult {
    LdapResult {
        code: fail.code.clone(),
        matcheddn: fail.matched.clone(),
        message: fail.text.clone(),
        referral: Vec::new(),
    }
}

/// Returns the answer that belongs to a request; none for those that have none.
pub fn answer_to(request: &LdapOp, result: LdapResult) -> Option<LdapOp> {
    Some(match request {
        LdapOp::BindRequest(_) => LdapOp::BindResponse(LdapBindResponse {
            res: result,
            saslcreds: None,
        }),
        LdapOp::SearchRequest(_) => LdapOp::SearchResultDone(result),
        LdapOp::ModifyRequest(_) => LdapOp::ModifyResponse(result),
        LdapOp::AddRequest(_) => LdapOp::AddResponse(result),
        LdapOp::DelRequest(_) => LdapOp::DelResponse(result),
        LdapOp::ModifyDNRequest(_) => LdapOp::ModifyDNResponse(result),
        LdapOp::CompareRequest(_) => LdapOp::CompareResult(result),
        LdapOp::ExtendedRequest(_) => LdapOp::ExtendedResponse(LdapExtendedResponse {
            res: result,
            name: None,
            value: None,
        }),
        _ => return None,
    })
}

/// Returns the answer to a message that could not be understood, by the tag of its operation.
pub fn malformed_answer(bad: Malformed) -> Option<LdapMsg> {
    let result = refused(&Fail::new(
        Code::ProtocolError,
        "the request is malformed, or a name or a filter in it is not UTF-8",
    ));
    let op = match bad.tag {
        0x60 => LdapOp::BindResponse(LdapBindResponse {
            res: result,
            saslcreds: None,
        }),
        0x63 => LdapOp::SearchResultDone(result),
        0x66 => LdapOp::ModifyResponse(result),
        0x68 => LdapOp::AddResponse(result),
        0x4a => LdapOp::DelResponse(result),
        0x6c => LdapOp::ModifyDNResponse(result),
        0x6e => LdapOp::CompareResult(result),
        0x77 => LdapOp::ExtendedResponse(LdapExtendedResponse {
            res: result,
            name: None,
            value: None,
        }),
        _ => return None,
    };
    Some(LdapMsg::new(bad.id, op))
}
