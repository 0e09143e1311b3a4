/** The records of the Photos APIs: sessions, uploads, media items, albums and media URLs. */

/** The app and account that a record belongs to. An app sees only its own records of that account. */
export interface Owner {
  client_id: string
  sub: string
}

/** A Picker session. */
export interface PickerSession extends Owner {
  created_at: number
  expires_at: number
  max_item_count: number
  /** Ids of the picked items; absent until the user clicked "Done". */
  picked?: string[]
}

/** Uploaded bytes that are not a media item yet. */
export interface Upload extends Owner {
  mime_type: string
  expires_at: number
  /** The item that was made of it. */
  item_id?: string
}

/** A photo or video that an app created. Its bytes are stored by its id. */
export interface MediaItem extends Owner {
  filename: string
  mime_type: string
  width: number
  height: number
  description: string
  created_at: number
}

/** An album that an app created. */
export interface Album extends Owner {
  title: string
  /** Ids of its items, in order. */
  media_items: string[]
  enrichments: string[]
  cover?: string
}

/** The item of a `baseUrl`. */
export interface MediaUrl extends Owner {
  /** Id of a media item, or of a picked photo of the user. */
  item: string
  /** Bytes of `picker` need the bearer token, those of `library` do not. */
  api: 'picker' | 'library'
  expires_at: number
}
