### The words of letters, in Chinese (simplified).

letter-hello = { $name }，您好：
letter-share-subject = { $name } 与您分享了“{ $title }”
letter-share-lead = { $name } 与您分享了“{ $title }”，共 { $count } 项。
letter-message = { $name } 的留言
letter-open = 打开分享
letter-until = 链接有效期至 { $date }。
letter-password = 该分享受密码保护，{ $name } 会以其他方式告知您密码。
letter-own = 此链接仅供您本人使用，请勿转发。
letter-unexpected = 如果您并未预期收到此邮件，可以忽略它。
letter-ends-subject = “{ $title }”即将到期
letter-ends-lead = 您的分享“{ $title }”将于 { $date } 到期。
letter-ends-after = 到期后任何人都无法打开。您可以在控制台中更改到期时间；到期 30 天后将被删除。
letter-somebody = 持有链接的某位访客
letter-opened-subject = “{ $title }”已被打开
letter-opened-lead = { $name } 打开了您的分享“{ $title }”。
letter-had-subject = “{ $title }”中有内容被下载
letter-had-lead = { $name } 开始从您的分享“{ $title }”下载。
letter-digest-subject = “{ $title }”的动态
letter-digest-lead = 自 { $date } 以来，您的分享“{ $title }”有人访问。
letter-digest-opened = 共打开 { $count } 次。
letter-digest-had = 共开始 { $count } 次下载。
letter-why-own = 您收到此邮件，是因为该分享由您创建。通知方式可在分享中设置。
