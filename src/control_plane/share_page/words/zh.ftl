### The words of a share's page, in Chinese (simplified).

decimal = .
skip = 跳到内容
shared-by = 由 { $name } 分享
available-until = 有效期至 { $date }
language-name = 简体中文

gate-heading = 此分享受密码保护
gate-hint = 请输入您收到的密码。
password = 密码
open = 打开
password-wrong = 密码不正确。请检查后重试。
password-missing = 请输入密码。
too-many = 您的网络尝试次数过多。请在 { $seconds } 秒后重试。
terms-heading = 条款和条件
terms-hint = 接受条款后即可查看和下载分享给您的内容。
accept = 接受并继续

items = { $count } 个项目
select = 选择 { $title }
select-all = 选择本页全部项目
nothing-selected = 请至少选择一个项目。
download = 下载
download-all = 全部下载
download-selected = 下载所选项目
as-format = 格式
as-default = 默认格式
as-original = 原始文件
view-only = 您可以查看这些文件，但下载已关闭。
downloads-left = 还可下载 { $count } 次
downloads-none = 下载次数已用完。
empty = 此分享中已没有内容。
unavailable = 已不可用
all-items = 所有项目
pages = 页
page-first = 第一页
page-next = 下一页

original = 原始文件
formats = 格式
preview = 预览
no-preview = 此文件没有预览。
about = 信息
tags = 标签
kind-AUDIO = 音频
kind-IMAGE = 图片
kind-IMAGE_360 = 360° 视图
kind-OTHER = 文档
kind-PLAYLIST = 播放列表
kind-VIDEO = 视频
kind-URL = 链接

gone-heading = 此分享已结束
gone-detail = 分享已过期或已被撤回。请向给您链接的人索取新的链接。
missing-heading = 这里没有内容
missing-detail = 此地址没有内容。请检查链接是否完整。
foreign-heading = 请求未被接受
foreign-detail = 该请求不是从本页面发出的，未执行任何操作。请重新打开链接后再试。
refused-heading = 无法执行
refused-detail = 所请求的内容无法以这种方式提供。
busy-heading = 请稍候
busy-detail = 请求过多。请几秒后重试。
failed-heading = 出错了
failed-detail = 这是我们的错误，与您无关。请稍后重试。参考编号：{ $request }
back-to-share = 返回分享
