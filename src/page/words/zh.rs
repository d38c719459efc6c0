//! Chinese, in simplified characters.

use super::Words;
use crate::page::message::Message;
use crate::region::Reason;

/// The texts.
pub const WORDS: Words = Words {
    title: "您的区域",
    sent_to: "您将被转到",
    jurisdiction: "司法管辖区",
    choose: "选择区域",
    choose_note: "每个区域各自保存账户和秘密，并适用各自的法律。选择其他区域不会移动任何内容。\
                  此浏览器会用一个 Cookie 将您的选择保留一年。",
    current: "当前",
    forget: "忘记我的选择",
    forget_note: "之后将重新根据您的所在地确定区域。",
    back: "返回原来的页面",
    programs: "程序可通过 O-Region 标头选择区域，并能以 application/json 格式读取本页。",
    region: "区域",
    regions: "现有区域",
    see_regions: "查看并选择区域",
    request: "请求",
    try_again: "没有执行任何操作。您可以放心重试。",
    look_first: "该请求可能仍已生效。请先确认，再决定是否重试。",
    reason,
    message,
};

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Host => "您使用的地址指定了此区域。",
        Reason::Key => "您打开的链接属于此区域。",
        Reason::LookUp => "该区域确认拥有此链接所指的内容。",
        Reason::PinHeader => "您的程序通过 O-Region 标头请求此区域。",
        Reason::PinCookie => "您选择了此区域，此浏览器已记住您的选择。",
        Reason::Credentials => "带有凭据的请求会发送到此区域。",
        Reason::Sticky => "此浏览器记得您曾被转到此区域。",
        Reason::Network => "您所在的网络归属于此区域。",
        Reason::Geo => "此区域为您所在的地区提供服务。",
        Reason::NoCountry => "无法得知您所在的国家或地区。",
        Reason::Default => "您所在的国家或地区没有专属区域。",
    }
}

fn message(message: Message) -> &'static str {
    match message {
        Message::Abandoned => "请求已中止",
        Message::AmbiguousHost => "请求没有指明唯一的主机",
        Message::AmbiguousChoice => "表单作出了不止一项选择",
        Message::BadBody => "请求正文格式错误",
        Message::BadPath => "路径不可接受",
        Message::BodyLate => "请求正文未能及时到达",
        Message::BodyTooLarge => "请求正文过大",
        Message::CredentialsWithoutRegion => {
            "带有凭据的请求必须指明区域：请使用该区域自己的主机或 O-Region"
        }
        Message::CrossSite => "只能在本站自己的页面上选择区域",
        Message::EmptyChoice => "表单没有选择任何区域",
        Message::Expectation => "无法满足请求中的期望",
        Message::GatewayBusy => "网关目前负载过高",
        Message::HeadLate => "请求未能及时到达",
        Message::HeadTooLarge => "请求头过大",
        Message::HttpVersion => "不支持此 HTTP 版本",
        Message::Loop => "该请求此前已经过此网关",
        Message::Malformed => "请求格式错误",
        Message::MethodNotAllowed => "此处不允许使用该方法",
        Message::MethodUnknown => "未知的请求方法",
        Message::Misdirected => "此处不为该主机提供服务",
        Message::Mistake => "网关出现错误",
        Message::NoForm => "选择须以 application/x-www-form-urlencoded 格式发送",
        Message::NotFound => "此页面不存在",
        Message::OffSiteReturn => "返回路径必须属于本站",
        Message::PinContradictsHost => "O-Region 与主机不一致",
        Message::RegionBrokeOff => "区域在答复之前中断了连接",
        Message::RegionBusy => "该区域目前的请求过多",
        Message::RegionInsecure => "无法与该区域建立安全连接",
        Message::RegionInvalid => "该区域给出了无效的答复",
        Message::RegionSilent => "该区域未能及时答复",
        Message::RegionUnavailable => "该区域目前不可用",
        Message::RegionUndetermined => "无法确定此密钥属于哪个区域",
        Message::RegionUnreachable => "无法连接到该区域",
        Message::RegionUnreachableInTime => "未能及时连接到该区域",
        Message::TargetTooLong => "请求目标过长",
        Message::TooManyRequests => "来自此地址的请求过多，请稍后再试",
        Message::TransferCoding => "未知的传输编码",
        Message::RepeatedPin => "O-Region 出现了不止一次",
        Message::UnknownPin => "O-Region 没有指明任何区域",
        Message::UnknownRegion => "没有这样的区域",
    }
}
